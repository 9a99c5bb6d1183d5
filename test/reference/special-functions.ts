/** 2/√π Σ (−1)ᵏ x^(2k+1) / (k! (2k+1)): exact to rounding for |x| < 2. */
function erfSeries(x: number): number {
  let [total, term] = [x, x];
  for (let k = 1; k < 100; k++) {
    term *= (-x * x) / k;
    total += term / (2 * k + 1);
  }
  return (total * 2) / Math.sqrt(Math.PI);
}

/** erfc x · e^(x²) by its continued fraction, for x of 2 and more. */
function scaledComplement(x: number): number {
  let rest = 0;
  for (let k = 200; k >= 1; k--) rest = k / 2 / (x + rest);
  return 1 / (x + rest) / Math.sqrt(Math.PI);
}

/** 1 − erf x without loss for positive x, to about 1e-13 of itself. */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  return x < 2 ? 1 - erfSeries(x) : Math.exp(-x * x) * scaledComplement(x);
}

/** The error function to about 1e-15. */
export function erf(x: number): number {
  if (Number.isNaN(x) || x === 0) return x;
  if (Math.abs(x) < 2) return erfSeries(x);
  return x < 0 ? erfc(-x) - 1 : 1 - erfc(x);
}

/** Φ(x), the share of the normal distribution below x. */
export const normalDistribution = (x: number): number => 0.5 * erfc(-x * Math.SQRT1_2);
