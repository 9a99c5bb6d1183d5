// A number with the same floor, ceil and round, which no adapter takes for 0 unless it is.
fn roundable(v: vec4<f32>) -> vec4<f32> {
  return select(v, copySign(vec4(0.25), v), isDenormal(v) & (magnitudeBits(v) != vec4(0u)));
}
