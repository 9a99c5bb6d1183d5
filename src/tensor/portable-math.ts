/*
 * Functions whose last bit JavaScript leaves to its engine: versions of one engine already differ in `**` and Math.cos.
 * Here they are made of sums, products, quotients and roundings, which are the same everywhere, so that a run gives the
 * same bits in Node and in every browser. Accurate to about two units in the last place of a double.
 */

/** base^n for a whole n ≥ 0, by squaring. Exact where the result is. */
export function wholePower(base: number, n: number): number {
  let result = 1;
  for (let square = base, left = n; left > 0; left = Math.floor(left / 2), square *= square) {
    if (left % 2 === 1) result *= square;
  }
  return result;
}

/** ln 2 in two parts; the upper one has so few bits that its product with a small whole number is exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** e^x. */
export function exponential(x: number): number {
  if (!(x < 710)) return x + Number.POSITIVE_INFINITY;
  if (x < -746) return 0;
  // x = n ln 2 + r with |r| ≤ ln 2 / 2; then 2^n Σ r^k / k!.
  const n = Math.round(x / (LN2_HIGH + LN2_LOW));
  const r = x - n * LN2_HIGH - n * LN2_LOW;
  let sum = 1;
  for (let k = 15; k > 0; k--) sum = 1 + (r * sum) / k;
  // In two steps, since neither 2^1024 nor 2^-1075 is a number.
  const half = Math.trunc(n / 2);
  return sum * powerOfTwo(half) * powerOfTwo(n - half);
}

/** ln x. */
export function naturalLogarithm(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  if (x < 2 ** -1000) return naturalLogarithm(x * 2 ** 100) - 100 * (LN2_HIGH + LN2_LOW);
  // x = 2^n m with m around 1; ln m = 2 atanh(s) with s = (m - 1) / (m + 1).
  let n = 0;
  let m = x;
  for (const step of [512, 256, 128, 64, 32, 16, 8, 4, 2, 1]) {
    const power = powerOfTwo(step);
    if (m >= power) {
      m /= power;
      n += step;
    } else if (m * power <= 1) {
      m *= power;
      n -= step;
    }
  }
  if (m > Math.SQRT2) {
    m /= 2;
    n++;
  } else if (m < Math.SQRT1_2) {
    m *= 2;
    n--;
  }
  const s = (m - 1) / (m + 1);
  const square = s * s;
  let sum = 0;
  for (let k = 23; k > 1; k -= 2) sum = square * (1 / k + sum);
  return n * LN2_HIGH + (2 * s + (2 * s * sum + n * LN2_LOW));
}

/** cos(π x). */
export function cosineOfPi(x: number): number {
  const turn = Math.abs(x) % 2;
  const folded = turn > 1 ? 2 - turn : turn;
  if (folded <= 0.25) return cosineSeries(Math.PI * folded);
  if (folded < 0.75) return sineSeries(Math.PI * (0.5 - folded));
  return -cosineSeries(Math.PI * (1 - folded));
}

/** For |x| ≤ π/4. */
function cosineSeries(x: number): number {
  let sum = 1;
  for (let k = 18; k > 0; k -= 2) sum = 1 - (x * x * sum) / (k * (k - 1));
  return sum;
}

function sineSeries(x: number): number {
  let sum = 1;
  for (let k = 19; k > 1; k -= 2) sum = 1 - (x * x * sum) / (k * (k - 1));
  return x * sum;
}

/** 2^n for a whole n of at most 1023 in magnitude; exact. */
const powerOfTwo = (n: number): number => (n < 0 ? 1 / wholePower(2, -n) : wholePower(2, n));
