// C = A · B: one invocation makes one element of C and reads a row of A and a column of B for it.
// grid: ceil(N / 8), ceil(M / 8)

struct Params {
  M: u32,
  K: u32,
  N: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;       // [M, K]
@group(0) @binding(1) var<storage, read> b: array<f32>;       // [K, N]
@group(0) @binding(2) var<storage, read_write> c: array<f32>; // [M, N]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y;
  let column = id.x;
  if (row >= params.M || column >= params.N) {
    return;
  }
  var sum = 0.0;
  for (var k = 0u; k < params.K; k++) {
    sum += a[row * params.K + k] * b[k * params.N + column];
  }
  c[row * params.N + column] = sum;
}
