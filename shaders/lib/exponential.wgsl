// e^x and its kin within about one unit in the last place, on adapters whose own are good to 1e-5.
// x = n ln 2 + r with |r| <= ln 2 / 2; n ln 2 is taken off in two parts, the first so short that n times it is exact.
const LOG2_E = 1.44269504;
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.12194440e-4;

// (e^r - 1 - r) / r² for |r| < 0.41; a minimax fit.
fn exponentialTail(r: vec4<f32>) -> vec4<f32> {
  return ((((1.97683214e-4 * r + 1.39664847e-3) * r + 8.33365694e-3) * r + 0.0416659489) * r + 0.166666642) * r + 0.5;
}

// 2^n for n from -126 to 127; 0 for -127, infinity for 128. By a product: SwiftShader shifts lane by lane, and other compilers make a shift of it.
fn powerOfTwo(n: vec4<i32>) -> vec4<f32> {
  return bitcast<vec4<f32>>((n + 127) * 0x800000);
}

// The whole number nearest to x, |x| < 2^22, in the low bits of a float: a conversion would be guarded against what x
// cannot be, and cost as much as the polynomial.
fn nearestWhole(x: vec4<f32>) -> vec4<i32> {
  return bitcast<vec4<i32>>(x + 12582912.0) - 0x4b400000;
}

// (1 + q) 2^n in two steps, for n from -226 to 131: 2^n may be no float where the product is one.
fn onePlusTimesPowerOfTwo(q: vec4<f32>, n: vec4<i32>) -> vec4<f32> {
  let most = max(n, vec4(-100)) - 4;
  let scale = powerOfTwo(most);
  return (scale + scale * q) * powerOfTwo(n - most);
}

// e^(high + low), where low is small beside high.
fn exponentialOfSum(high: vec4<f32>, low: vec4<f32>) -> vec4<f32> {
  let x = clamped(high, -105.0, 90.0);
  let whole = nearestWhole((x + low) * LOG2_E);
  let n = vec4<f32>(whole);
  let r = ((x - n * LN2_HIGH) - n * LN2_LOW) + low;
  let y = onePlusTimesPowerOfTwo(r + r * r * exponentialTail(r), whole);
  return select(y, high, isNotANumber(high));
}

// 2^(high + low) from 2^-126, below which it is 0, to 2^128, which is infinity; low is small beside high.
fn powerOfTwoOfSum(high: vec4<f32>, low: vec4<f32>) -> vec4<f32> {
  let whole = nearestWhole(high + low);
  let r = (high - vec4<f32>(whole)) + low;
  // (2^r - 1) / r for |r| <= 1/2; a minimax fit.
  let p = ((((1.53532586e-4 * r + 1.33990042e-3) * r + 9.61843878e-3) * r + 0.0555033199) * r + 0.240226477) * r
    + 0.693147182;
  return (1.0 + r * p) * powerOfTwo(max(whole, vec4(-127)));
}

fn exponential(v: vec4<f32>) -> vec4<f32> {
  return exponentialOfSum(v, vec4(0.0));
}

// e^x - 1 without loss near 0.
fn exponentialMinusOne(v: vec4<f32>) -> vec4<f32> {
  let x = clamped(v, -20.0, 88.9);
  let whole = nearestWhole(x * LOG2_E);
  let n = vec4<f32>(whole);
  let r = (x - n * LN2_HIGH) - n * LN2_LOW;
  // 2^n (e^r - 1) + (2^n - 1), halved until the end: 2^128 is no float.
  let half = powerOfTwo(whole - 1);
  let y = 2.0 * (half * (r + r * r * exponentialTail(r)) + (half - 0.5));
  return select(y, v, isNotANumber(v) | isTiny(v));
}

// From e^-|x|, which is at most 1, the sigmoid of x.
fn sigmoidFrom(e: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
  return select(vec4(1.0), e, isSigned(v)) / (1.0 + e);
}

fn sigmoid(v: vec4<f32>) -> vec4<f32> {
  return select(sigmoidFrom(exponential(-absolute(v)), v), v, isNotANumber(v));
}

// (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x.
fn hyperbolicTangent(v: vec4<f32>) -> vec4<f32> {
  let e = exponentialMinusOne(-2.0 * absolute(v));
  let y = copySign(e / (e + 2.0), v);
  return select(y, v, isNotANumber(v) | isTiny(v));
}
