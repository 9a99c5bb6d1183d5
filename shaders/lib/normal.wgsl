// Standard normal numbers by interpolation in a table of quantiles, in units of 2^-21. 31 random bits t stand for the upper
// tail t / 2^32; the table has 64 cells for every halving of t, so that tails are as fine as the middle.

// Leading zeros of t: 0 for t >= 2^30, at most 24. Below the leading one and the 6 bits of the cell lie 24 less as many bits.
fn octaveOf(t: u32) -> u32 {
  return countLeadingZeros(t | 64u) - 1u;
}

// Where in the table the quantile at the cell's start lies; what it drops over the whole cell comes next.
fn quantilePlace(t: u32) -> u32 {
  let octave = octaveOf(t);
  let cell = octave * 64u + ((t >> (24u - octave)) & 63u);
  return 2u * select(cell, 25u * 64u + t, t < 64u);
}

// And the number, with the sign of one more random bit.
fn normalFrom(t: u32, isNegative: bool, begin: i32, drop: u32) -> f32 {
  let octave = octaveOf(t);
  let fraction = (t & ((1u << (24u - octave)) - 1u)) << octave; // of the cell, in 2^-24
  // (drop * fraction) >> 24 without 64-bit integers: drop has at most 16 bits, fraction is split at 12.
  let product = ((drop * (fraction >> 12u)) + ((drop * (fraction & 0xfffu)) >> 12u)) >> 12u;
  return select(1.0, -1.0, isNegative) * f32(begin - i32(product)) * 4.76837158203125e-7;
}
