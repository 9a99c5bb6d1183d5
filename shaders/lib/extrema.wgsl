// The larger and the smaller of two numbers.

// The order of floats, as orderOf, with -0 before 0.
fn totalOrderOf(v: vec4<f32>) -> vec4<i32> {
  let bits = bitcast<vec4<i32>>(v);
  return bits ^ ((bits >> vec4(31u)) & vec4<i32>(0x7fffffff));
}

// NaN where either is NaN; 0 is larger than -0.
fn larger(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  let picked = select(b, a, totalOrderOf(a) > totalOrderOf(b));
  return select(select(picked, b, isNotANumber(b)), a, isNotANumber(a));
}

fn smaller(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  let picked = select(b, a, totalOrderOf(a) < totalOrderOf(b));
  return select(select(picked, b, isNotANumber(b)), a, isNotANumber(a));
}
