// a^b of integers, modulo 2^32, by squaring.

fn wholePowerUnsigned(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
  var result = vec4(1u);
  var square = a;
  var rest = b;
  for (var bit = 0u; bit < 32u; bit++) {
    result = select(result, result * square, (rest & vec4(1u)) != vec4(0u));
    square = square * square;
    rest = rest >> vec4(1u);
  }
  return result;
}

// A negative power is 1, -1 or truncated to 0.
fn wholePower(a: vec4<i32>, b: vec4<i32>) -> vec4<i32> {
  let positive = bitcast<vec4<i32>>(wholePowerUnsigned(bitcast<vec4<u32>>(a), vec4<u32>(b)));
  let ofMinusOne = select(vec4(1), vec4(-1), (b & vec4(1)) != vec4(0));
  let negative = select(select(vec4(0), ofMinusOne, a == vec4(-1)), vec4(1), a == vec4(1));
  return select(positive, negative, b < vec4(0));
}
