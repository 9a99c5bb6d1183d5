// e^x and its kin within about one unit in the last place, on adapters whose own are good to 1e-5.
// x = n ln 2 + r with |r| <= ln 2 / 2; n ln 2 is taken off in two parts, the first so short that n times it is exact.
// The polynomials are minimax fits.
const LOG2_E = 1.44269504;
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.12194440e-4;

// (e^r - 1 - r) / r² for |r| < 0.41.
fn exponentialTail(r: vec4<f32>) -> vec4<f32> {
  return ((((1.97683214e-4 * r + 1.39664847e-3) * r + 8.33365694e-3) * r + 0.0416659489) * r + 0.166666642) * r + 0.5;
}

// 2^n for whole n from -252 to 254, as two factors that are no denormals.
fn powerOfTwo(n: vec4<i32>) -> vec4<f32> {
  return floatOf(vec4<u32>(n + 127) << vec4(23u));
}

fn timesPowerOfTwo(v: vec4<f32>, n: vec4<i32>) -> vec4<f32> {
  let half = n >> vec4(1u);
  return (v * powerOfTwo(half)) * powerOfTwo(n - half);
}

// e^(high + low), where low is the rounding error of high.
fn exponentialOfSum(high: vec4<f32>, low: vec4<f32>) -> vec4<f32> {
  let x = clamp(high, vec4(-105.0), vec4(90.0));
  let n = round(x * LOG2_E);
  let r = ((x - n * LN2_HIGH) - n * LN2_LOW) + low;
  let y = timesPowerOfTwo(1.0 + (r + r * r * exponentialTail(r)), vec4<i32>(n));
  return select(y, high, isNotANumber(high));
}

fn exponential(v: vec4<f32>) -> vec4<f32> {
  return exponentialOfSum(v, vec4(0.0));
}

// e^x - 1 without loss near 0.
fn exponentialMinusOne(v: vec4<f32>) -> vec4<f32> {
  let x = clamp(v, vec4(-20.0), vec4(90.0));
  let n = round(x * LOG2_E);
  let r = (x - n * LN2_HIGH) - n * LN2_LOW;
  // 2^n (e^r - 1) + (2^n - 1), halved until the end: 2^128 is no float.
  let half = powerOfTwo(vec4<i32>(n) - 1);
  let y = 2.0 * (half * (r + r * r * exponentialTail(r)) + (half - 0.5));
  return select(y, v, isNotANumber(v) | isDenormal(v));
}

fn sigmoidOf(v: vec4<f32>) -> vec4<f32> {
  let e = exponential(-absolute(v));
  let y = select(vec4(1.0), e, isSigned(v)) / (1.0 + e);
  return select(y, v, isNotANumber(v));
}

// (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x.
fn hyperbolicTangent(v: vec4<f32>) -> vec4<f32> {
  let e = exponentialMinusOne(-2.0 * absolute(v));
  let y = copySign(e / (e + 2.0), v);
  return select(y, v, isNotANumber(v) | isDenormal(v));
}
