// a^b with the special cases of C99's pow (annex F.9.4.4).

// ln |a| as the upper half of a significand and the rest: an error of it times b is a relative error of a^b.
struct LogarithmPair {
  high: vec4<f32>,
  low: vec4<f32>,
}

fn logarithmPair(a: vec4<f32>) -> LogarithmPair {
  let isSmall = isDenormal(a);
  let shifted = select(magnitudeBits(a), bitsOf(scaledDenormal(a)), isSmall) - vec4(0x3f3504f3u);
  let whole = (bitcast<vec4<i32>>(shifted) >> vec4(23u)) - select(vec4(0), vec4(149), isSmall);
  let exponent = vec4<f32>(whole);
  // ln(1 + f) = 2 artanh s = 2s + s³ p(s²), s = f / (2 + f); the polynomial is a minimax fit.
  let f = floatOf((shifted & vec4(0x007fffffu)) + vec4(0x3f3504f3u)) - 1.0;
  let fHigh = upperHalf(f);
  let quotient = f / (2.0 + f);
  let s = upperHalf(quotient);
  let sLow = (((f - 2.0 * s) - s * fHigh) - s * (f - fHigh)) / (2.0 + f);
  let q = quotient * quotient;
  let p = ((0.235899925 * q + 0.285369188) * q + 0.400003403) * q + 0.666666627;
  let rest = 2.0 * sLow + (q * p * quotient - 2.12194440e-4 * exponent);
  let first = 0.693359375 * exponent;
  let sum = upperHalf(first + 2.0 * s);
  let sumLow = ((first - sum) + 2.0 * s) + rest;
  let high = upperHalf(sum + sumLow);
  return LogarithmPair(high, (sum - high) + sumLow);
}

fn isWhole(v: vec4<f32>) -> vec4<bool> {
  return (magnitudeBits(v) >= vec4(0x4b000000u)) | (bitsOf(floor(v)) == bitsOf(v)); // 2^23
}

fn isOdd(v: vec4<f32>) -> vec4<bool> {
  let isExact = magnitudeBits(v) < vec4(0x4b800000u); // 2^24
  let whole = vec4<i32>(select(vec4(0.0), v, isExact));
  return isExact & isWhole(v) & ((whole & vec4(1)) != vec4(0));
}

// |a|^b where neither is special.
fn powerOfMagnitude(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  let logarithm = logarithmPair(a);
  let bHigh = upperHalf(b);
  let product = bHigh * logarithm.high;
  let low = (b - bHigh) * logarithm.high + b * logarithm.low;
  return exponentialOfSum(product, select(low, vec4(0.0), absolute(product) > vec4(110.0)));
}

fn power(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  let magnitude = absolute(a);
  let one = bitsOf(vec4(1.0));
  let grows = isSigned(b) != (bitsOf(magnitude) > one);
  // Where a or b has no end, and where a is 0.
  let isExtreme = isInfinite(a) | isInfinite(b) | (bitsOf(magnitude) == vec4(0u));
  let extreme = select(vec4(0.0), infinityOf(magnitude), grows);
  let finite = select(powerOfMagnitude(a, b), extreme, isExtreme);
  // Small whole powers are products, as exact as these.
  let second = select(finite, a * a, b == vec4(2.0));
  let third = select(second, magnitude * magnitude * magnitude, b == vec4(3.0));
  let first = select(third, magnitude, b == vec4(1.0));
  let inverse = select(first, reciprocal(magnitude), b == vec4(-1.0));
  let isNegative = isSigned(a) & isOdd(b);
  let signed = floatOf(bitsOf(inverse) | select(vec4(0u), vec4(SIGN_BIT), isNegative));
  let isUndefined = isSigned(a) & !isWhole(b) & !isExtreme;
  let real = select(signed, notANumber(a), isUndefined | isNotANumber(a) | isNotANumber(b));
  let isOne = (magnitudeBits(b) == vec4(0u)) | (bitsOf(a) == one) | ((bitsOf(magnitude) == one) & isInfinite(b));
  return select(real, vec4(1.0), isOne);
}
