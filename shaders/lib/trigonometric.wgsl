// Sine and cosine within about one unit in the last place, for every float. x = n π/2 + r with |r| <= π/4.

struct Quarters {
  rest: vec4<f32>, // r
  turn: vec4<i32>, // n modulo 4
}

// The first 224 bits of 2/π behind the point, after 32 zeros.
const TWO_OVER_PI = array<u32, 8>(
  0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu,
);

fn quartersOf(v: vec4<f32>) -> Quarters {
  let isLarge = magnitudeBits(v) >= vec4(0x46000000u); // 8192
  if (any(isLarge)) {
    let near = nearQuarters(select(v, vec4(0.0), isLarge));
    let far = farQuarters(v);
    return Quarters(select(near.rest, far.rest, isLarge), select(near.turn, far.turn, isLarge));
  }
  return nearQuarters(v);
}

// Takes n π/2 off in parts (Cody and Waite) of at most 11 bits, so that n times each is exact.
fn nearQuarters(v: vec4<f32>) -> Quarters {
  let n = round(v * 0.636619772);
  let rest = (((v - n * 1.5703125) - n * 4.8065185546875e-4) - n * 3.17394733429e-6)
    - (n * 9.91349224932e-10 + n * 7.44354773e-13);
  return Quarters(rest, vec4<i32>(n));
}

// High word of a product.
fn multiplyHigh(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
  let half = vec4(16u);
  let mask = vec4(0xffffu);
  let low = (a & mask) * (b & mask);
  let left = (a >> half) * (b & mask) + (low >> half);
  let right = (a & mask) * (b >> half) + (left & mask);
  return (a >> half) * (b >> half) + (left >> half) + (right >> half);
}

fn wordOf(i: vec4<u32>) -> vec4<u32> {
  return vec4(TWO_OVER_PI[i.x], TWO_OVER_PI[i.y], TWO_OVER_PI[i.z], TWO_OVER_PI[i.w]);
}

// Bits of 2/π from some place on.
fn bitsFrom(word: vec4<u32>, shift: vec4<u32>) -> vec4<u32> {
  return select((wordOf(word) << shift) | (wordOf(word + 1u) >> ((32u - shift) & vec4(31u))), wordOf(word), shift == vec4(0u));
}

// Multiplies the significand with the 96 bits of 2/π that matter modulo 4 (Payne and Hanek), in integers.
fn farQuarters(v: vec4<f32>) -> Quarters {
  // |v| = significand 2^(exponent - 158), the significand in the upper 24 bits of its word.
  let exponent = clamp(magnitudeBits(v) >> vec4(23u), vec4(140u), vec4(254u));
  let significand = ((bitsOf(v) & vec4(0x007fffffu)) | vec4(0x00800000u)) << vec4(8u);
  let place = exponent - 128u; // where bits weigh less than 4, the 32 zeros counted
  let word = place >> vec4(5u);
  let shift = place & vec4(31u);
  let second = bitsFrom(word + 1u, shift);
  // The product modulo 1, in 64 bits; 1 is four quarter turns.
  let low = significand * second + multiplyHigh(significand, bitsFrom(word + 2u, shift));
  let carry = vec4<u32>(low < significand * second);
  let high = significand * bitsFrom(word, shift) + multiplyHigh(significand, second) + carry;
  let turn = (high + 0x20000000u) >> vec4(30u);
  let signed = bitcast<vec4<i32>>(high - (turn << vec4(30u)));
  let isBelow = signed < vec4(0);
  let magnitudeLow = select(low, ~low + 1u, isBelow);
  let magnitudeHigh = select(vec4<u32>(signed), ~vec4<u32>(signed) + vec4<u32>(low == vec4(0u)), isBelow);
  // In units of 2^-62 quarter turns.
  let rest = (vec4<f32>(magnitudeHigh) * 4294967296.0 + vec4<f32>(magnitudeLow)) * 3.40612158e-19;
  let own = select(rest, -rest, isBelow != isSigned(v));
  return Quarters(own, select(vec4<i32>(turn), -vec4<i32>(turn), isSigned(v)));
}

fn sineNear(r: vec4<f32>) -> vec4<f32> {
  let q = r * r;
  return r + r * (q * (((2.71751924e-6 * q - 1.98392518e-4) * q + 8.33332911e-3) * q - 0.166666672));
}

fn cosineNear(r: vec4<f32>) -> vec4<f32> {
  let q = r * r;
  return 1.0 - (0.5 * q - q * q * (((-2.72028842e-7 * q + 2.47994321e-5) * q - 1.38888834e-3) * q + 0.0416666679));
}

// Sine of a number whose quarters are turned by some more.
fn turnedSine(v: vec4<f32>, more: i32) -> vec4<f32> {
  let quarters = quartersOf(v);
  let turn = quarters.turn + more;
  let y = select(sineNear(quarters.rest), cosineNear(quarters.rest), (turn & vec4(1)) != vec4(0));
  let signed = select(y, -y, (turn & vec4(2)) != vec4(0));
  return select(signed, notANumber(v), isNotANumber(v) | isInfinite(v));
}

fn sine(v: vec4<f32>) -> vec4<f32> {
  return select(turnedSine(v, 0), v, isTiny(v));
}

fn cosine(v: vec4<f32>) -> vec4<f32> {
  return turnedSine(v, 1);
}
