/** 2 to the exponent of a float of 24 bits that x is rounded to, over 2²³: the distance of its neighbours. */
export function unitOf(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude < 2 ** -126) return 2 ** -149;
  const exponent = Math.floor(Math.log2(Math.fround(magnitude) === Number.POSITIVE_INFINITY ? 2 ** 127 : magnitude));
  // log2 may round up to the next power of two.
  return 2 ** ((2 ** exponent > magnitude ? exponent - 1 : exponent) - 23);
}

/** Beyond this a float is infinite. */
const OVERFLOW = 2 ** 128;

/**
 * Error of a float in units in the last place of the exact result. A result too large counts as 2¹²⁸. Numbers below
 * 2⁻¹²⁶ may be flushed to 0, and so may what is made from such; results below `smallest` count as exact.
 */
export function errorInUnits(actual: number, exact: number, smallest = 2 ** -126): number {
  if (Number.isNaN(actual) || Number.isNaN(exact)) return Number.isNaN(actual) && Number.isNaN(exact) ? 0 : Infinity;
  const bounded = (x: number): number => Math.min(Math.max(x, -OVERFLOW), OVERFLOW);
  if (bounded(actual) === bounded(exact)) return 0;
  if (Math.abs(exact) < smallest && Math.abs(actual) < smallest) return 0;
  return Math.abs(bounded(actual) - bounded(exact)) / unitOf(exact);
}

/** Floats of every magnitude: every `step`-th, both signs, with ±0, ±∞ and NaN. */
export function floatsOfEveryMagnitude(step: number): Float32Array {
  const bits: number[] = [0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000];
  for (let magnitude = 1; magnitude < 0x7f800000; magnitude += step) bits.push(magnitude, magnitude + 0x80000000);
  return new Float32Array(Uint32Array.from(bits).buffer);
}

/** Evenly spaced floats from low to high. */
export const floatsBetween = (low: number, high: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
