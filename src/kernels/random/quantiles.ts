import { exponential, naturalLogarithm } from "../../tensor/portable-math.ts";

/**
 * Quantile of the standard normal for the upper tail `q` in (0, 0.5], by Newton's method on the complementary
 * error function's continued fraction or series. Double precision; used once to build a table.
 */
function upperQuantile(q: number): number {
  // Start from Abramowitz & Stegun 26.2.23, good to 4.5e-4, then polish.
  const t = Math.sqrt(-2 * naturalLogarithm(q));
  let z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (let i = 0; i < 4; i++) z += (upperTail(z) - q) / density(z);
  return Math.max(0, z);
}

const density = (z: number): number => exponential((-z * z) / 2) / Math.sqrt(2 * Math.PI);

/** P(Z > z) for z ≥ 0. */
function upperTail(z: number): number {
  if (z < 3) {
    // Series: Φ(z) - 1/2 = φ(z) Σ z^(2k+1) / (1·3·…·(2k+1)).
    let term = z;
    let sum = z;
    for (let k = 1; k < 200 && term > sum * 1e-17; k++) {
      term *= (z * z) / (2 * k + 1);
      sum += term;
    }
    return 0.5 - density(z) * sum;
  }
  let fraction = 0;
  for (let k = 80; k > 0; k--) fraction = k / (z + fraction);
  return density(z) / (z + fraction);
}

const UNIT = 2 ** 21;
const OCTAVES = 25;
const CELLS = 64;
let table: Int32Array | undefined;

/**
 * Pairs (quantile at the cell's start, drop over the cell) in units of 2^-21, as `shaders/random/random.wgsl` reads them:
 * 25 octaves of 64 cells for t ≥ 64, then one entry for each t < 64. A value t of 31 bits stands for the tail
 * (t + 1/2) / 2^32.
 */
export function quantileTable(): Int32Array {
  if (table) return table;
  const at = (t: number): number => Math.round(upperQuantile(Math.min((t + 0.5) / 2 ** 32, 0.5)) * UNIT);
  const entries = new Int32Array(2 * (OCTAVES * CELLS + CELLS));
  for (let octave = 0; octave < OCTAVES; octave++) {
    const width = 2 ** (24 - octave);
    for (let cell = 0; cell < CELLS; cell++) {
      const index = 2 * (octave * CELLS + cell);
      const begin = (CELLS + cell) * width;
      entries[index] = at(begin);
      entries[index + 1] = entries[index] - at(begin + width);
    }
  }
  for (let t = 0; t < CELLS; t++) entries[2 * (OCTAVES * CELLS + t)] = at(t);
  table = entries;
  return entries;
}
