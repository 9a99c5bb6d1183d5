// 1 / (m 2^-149) is finite for m above 2^21; then its exponent is that of 1 / m plus 149.
fn reciprocal(v: vec4<f32>) -> vec4<f32> {
  let m = scaledDenormal(v);
  let large = select(infinityOf(v), copySign(floatOf(bitsOf(1.0 / m) + vec4(149u << 23u)), v), m > vec4(2097152.0));
  return select(select(1.0 / v, large, isDenormal(v)), v, isNotANumber(v));
}
