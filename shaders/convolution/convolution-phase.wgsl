// What of the pixels and the taps along one axis belongs to a phase.
//
// The input gradient of a strided convolution falls into phases: pixels at the same place modulo the stride meet the
// same taps, every (stride / gcd(stride, dilation))-th one, so that no product with the zeros between is ever made.
// Elsewhere there is one phase.

struct Phase {
  pixels: u32,
  tap: u32,    // the first one
  taps: u32,   // how many, each tapStep behind the one before
  origin: i32, // where the first tap meets the first pixel
}

// The first tap that meets pixels of a phase, or `count` when none does.
fn firstTap(shift: i32, dilation: u32, phases: u32, count: u32) -> u32 {
  for (var tap = 0u; tap < min(count, phases); tap++) {
    if ((shift - i32(tap * dilation)) % i32(phases) == 0) {
      return tap;
    }
  }
  return count;
}

fn phaseOf(phase: u32, phases: u32, pixels: u32, shift: i32, dilation: u32, taps: u32, tapStep: u32) -> Phase {
  let own = shift + i32(phase);
  let tap = firstTap(own, dilation, phases, taps);
  return Phase((pixels - phase + phases - 1) / phases, tap, (taps - tap + tapStep - 1) / tapStep,
    (own - i32(tap * dilation)) / i32(phases));
}
