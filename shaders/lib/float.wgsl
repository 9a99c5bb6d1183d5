// Tests and moves on the bits of floats. Compilers may take it that NaN and infinity do not occur, and adapters may
// read denormal numbers as 0; whole numbers know neither. Bits are compared with their sign: processors without such
// comparisons for numbers without one would make each of three.
const SIGN_BIT = 0x80000000u;
const MAGNITUDE_BITS = 0x7fffffffu;
const INFINITY_BITS = 0x7f800000;
const SMALLEST_NORMAL_BITS = 0x00800000;

fn bitsOf(v: vec4<f32>) -> vec4<u32> {
  return bitcast<vec4<u32>>(v);
}

fn floatOf(bits: vec4<u32>) -> vec4<f32> {
  return bitcast<vec4<f32>>(bits);
}

fn magnitudeBits(v: vec4<f32>) -> vec4<u32> {
  return bitsOf(v) & vec4(MAGNITUDE_BITS);
}

// The same with a sign, which is never set.
fn magnitudeOf(v: vec4<f32>) -> vec4<i32> {
  return vec4<i32>(magnitudeBits(v));
}

fn isNotANumber(v: vec4<f32>) -> vec4<bool> {
  return magnitudeOf(v) > vec4(INFINITY_BITS);
}

fn isInfinite(v: vec4<f32>) -> vec4<bool> {
  return magnitudeBits(v) == vec4(INFINITY_BITS);
}

// 0 and what is too small for a full significand.
fn isDenormal(v: vec4<f32>) -> vec4<bool> {
  return magnitudeOf(v) < vec4(SMALLEST_NORMAL_BITS);
}

// Below 2^-25: f(x) = x to the last bit for odd functions of slope 1, and for e^x - 1 and ln(1 + x).
fn isTiny(v: vec4<f32>) -> vec4<bool> {
  return magnitudeOf(v) < vec4(0x33000000);
}

// Whether the sign bit is set: true for -0.
fn isSigned(v: vec4<f32>) -> vec4<bool> {
  return bitcast<vec4<i32>>(v) < vec4(0);
}

// The value of a denormal number times 2^149, which no adapter takes for 0.
fn scaledDenormal(v: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(magnitudeBits(v));
}

fn absolute(v: vec4<f32>) -> vec4<f32> {
  return floatOf(magnitudeBits(v));
}

// |v|, at most `limit`, which NaN gives too. Positive floats have the order of their bits.
fn absoluteUpTo(v: vec4<f32>, limit: f32) -> vec4<f32> {
  return bitcast<vec4<f32>>(min(magnitudeOf(v), vec4(bitcast<i32>(limit))));
}

// v from `low` to `high`; NaN gives NaN. By comparisons: many adapters' own functions first look for NaN.
fn clamped(v: vec4<f32>, low: f32, high: f32) -> vec4<f32> {
  let raised = select(v, vec4(low), v < vec4(low));
  return select(raised, vec4(high), raised > vec4(high));
}

fn negative(v: vec4<f32>) -> vec4<f32> {
  return floatOf(bitsOf(v) ^ vec4(SIGN_BIT));
}

fn copySign(v: vec4<f32>, signed: vec4<f32>) -> vec4<f32> {
  return floatOf(magnitudeBits(v) | (bitsOf(signed) & vec4(SIGN_BIT)));
}

// A NaN. Made of bits that are known at run time only: a constant NaN is an error in WGSL.
fn notANumber(v: vec4<f32>) -> vec4<f32> {
  return floatOf(bitsOf(v) | vec4(0x7fc00000u));
}

// Infinity with the sign of v.
fn infinityOf(v: vec4<f32>) -> vec4<f32> {
  return floatOf((bitsOf(v) & vec4(SIGN_BIT)) | vec4(INFINITY_BITS));
}

// Whole numbers in the order of the floats; both zeros give 0.
fn orderOf(v: vec4<f32>) -> vec4<i32> {
  let magnitude = magnitudeOf(v);
  return select(magnitude, -magnitude, isSigned(v));
}

fn areOrdered(a: vec4<f32>, b: vec4<f32>) -> vec4<bool> {
  return !(isNotANumber(a) | isNotANumber(b));
}

// The upper half of the significand: products of two such are exact. Sums that need more than 24 bits are held as such
// a half and the rest: what is cut off by bits stays exact where a compiler may reorder float arithmetic.
fn upperHalf(v: vec4<f32>) -> vec4<f32> {
  return floatOf(bitsOf(v) & vec4(0xfffff000u));
}

// √(m 2^-149) = √(2m) 2^-75; NaN below 0.
fn squareRoot(v: vec4<f32>) -> vec4<f32> {
  let y = select(sqrt(v), sqrt(2.0 * scaledDenormal(v)) * exp2(-75.0), isDenormal(v));
  return rootSpecials(select(y, v, magnitudeBits(v) == vec4(0u)), v);
}

fn reciprocalSquareRoot(v: vec4<f32>) -> vec4<f32> {
  let y = select(1.0 / sqrt(v), exp2(75.0) / sqrt(2.0 * scaledDenormal(v)), isDenormal(v));
  return rootSpecials(select(y, infinityOf(v), magnitudeBits(v) == vec4(0u)), v);
}

fn rootSpecials(y: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
  let below = select(y, notANumber(v), isSigned(v) & (magnitudeBits(v) != vec4(0u)));
  return select(below, v, isNotANumber(v));
}
