// ln(1 + x) within about one unit in the last place, near 0 as well.
// 1 + x is exact below -1/2, and is where x is cut in half: the rest e = xLow / (1 + xHigh) makes it good.
fn logarithmOfOnePlus(v: vec4<f32>) -> vec4<f32> {
  let isNear = (v > vec4(-0.29)) & (v < vec4(0.41));
  let near = logarithmNearOne(select(vec4(0.0), v, isNear), vec4(0.0));
  let isWhole = (v < vec4(-0.5)) | isInfinite(v);
  let part = select(upperHalf(v), v, isWhole);
  let e = (v - part) / (1.0 + part);
  let far = logarithm(1.0 + part) + select(e - e * e * (0.5 - 0.333333333 * e), vec4(0.0), isWhole);
  return select(select(far, near, isNear), v, isNotANumber(v) | isTiny(v));
}
