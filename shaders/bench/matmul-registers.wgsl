// C = A · B: one invocation makes 4 × 4 elements of C in registers, so that each number it reads is used four times, with
// no memory shared and no barrier.
// grid: ceil(N / 32), ceil(M / 32)

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
  let row = id.y * 4;
  let column = id.x * 4;
  if (row >= params.M || column >= params.N) {
    return;
  }
  // Rows and columns beyond the edge read the last one, and are not written.
  let rows = min(row + vec4u(0, 1, 2, 3), vec4u(params.M - 1)) * params.K;
  let columns = min(column + vec4u(0, 1, 2, 3), vec4u(params.N - 1));
  var tile = mat4x4f();
  for (var k = 0u; k < params.K; k++) {
    let start = k * params.N;
    let y = vec4f(b[start + columns.x], b[start + columns.y], b[start + columns.z], b[start + columns.w]);
    let x = vec4f(a[rows.x + k], a[rows.y + k], a[rows.z + k], a[rows.w + k]);
    tile += mat4x4f(x.x * y, x.y * y, x.z * y, x.w * y);
  }
  for (var i = 0u; i < min(4, params.M - row); i++) {
    for (var j = 0u; j < min(4, params.N - column); j++) {
      c[(row + i) * params.N + column + j] = tile[i][j];
    }
  }
}
