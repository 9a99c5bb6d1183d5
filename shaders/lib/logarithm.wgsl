// ln x within about one unit in the last place.

// ln(1 + f) for f from √½ - 1 to √2 - 1; the polynomial is a minimax fit of (ln(1 + f) - f + f²/2) / f³.
fn logarithmNearOne(f: vec4<f32>, exponent: vec4<f32>) -> vec4<f32> {
  let tail = (((((((0.0675751120 * f - 0.116943188) * f + 0.118935317) * f - 0.124030873) * f + 0.142185524) * f
    - 0.166680902) * f + 0.200021669) * f - 0.250000089) * f + 0.333333105;
  let square = f * f;
  let low = f * (square * tail) - 2.12194440e-4 * exponent;
  return 0.693359375 * exponent + (f + (low - 0.5 * square));
}

fn logarithm(v: vec4<f32>) -> vec4<f32> {
  let isTiny = isDenormal(v);
  let bits = select(bitsOf(v), bitsOf(scaledDenormal(v)), isTiny);
  // The exponent for which the significand lies from √½ to √2.
  let shifted = bits - vec4(0x3f3504f3u);
  let exponent = bitcast<vec4<i32>>(shifted) >> vec4(23u);
  let significand = floatOf((shifted & vec4(0x007fffffu)) + vec4(0x3f3504f3u));
  let y = logarithmNearOne(significand - 1.0, vec4<f32>(exponent - select(vec4(0), vec4(149), isTiny)));
  return logarithmSpecials(y, v);
}

fn logarithmSpecials(y: vec4<f32>, v: vec4<f32>) -> vec4<f32> {
  let isZero = magnitudeBits(v) == vec4(0u);
  let below = select(y, notANumber(v), isSigned(v));
  let atZero = select(below, infinityOf(floatOf(bitsOf(v) | vec4(SIGN_BIT))), isZero);
  return select(atZero, v, isNotANumber(v) | (bitsOf(v) == vec4(INFINITY_BITS)));
}
