// Random words of four elements at a time: Threefry-2x32 with 20 rounds of the counter (i, 0), as in random.wgsl.
fn mixed(a: vec4<u32>, b: vec4<u32>, bits: u32) -> vec4<u32> {
  return ((b << vec4(bits)) | (b >> vec4(32u - bits))) ^ a;
}

fn randomWords(i: vec4<u32>, seed0: u32, seed1: u32) -> vec4<u32> {
  var keys = vec3(seed0, seed1, seed0 ^ seed1 ^ 0x1BD11BDAu);
  var a = i + keys.x;
  var b = vec4(keys.y);
  for (var block = 1u; block <= 5u; block++) {
    let bits = select(vec4(17u, 29u, 16u, 24u), vec4(13u, 15u, 26u, 6u), block % 2u == 1u);
    a += b;
    b = mixed(a, b, bits.x);
    a += b;
    b = mixed(a, b, bits.y);
    a += b;
    b = mixed(a, b, bits.z);
    a += b;
    b = mixed(a, b, bits.w);
    keys = keys.yzx;
    a += keys.x;
    b += keys.y + block;
  }
  return a;
}

// Which elements dropout keeps: those whose upper 24 bits are not below the threshold.
fn areKept(i: vec4<u32>, seed0: u32, seed1: u32, threshold: u32) -> vec4<bool> {
  return (randomWords(i, seed0, seed1) >> vec4(8u)) >= vec4(threshold);
}
