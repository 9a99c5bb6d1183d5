// C = A · B: one invocation makes a strip of eight elements of a row of C. Run it beside the engine's kernels with
// npm run bench -- matmul --size 512 --wgsl examples/own-matmul.wgsl
// grid: ceil(N / (8 * WIDTH)), ceil(M / WIDTH)

struct Params {
  M: u32,
  K: u32,
  N: u32,
}

const WIDTH: u32 = 8u;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WIDTH, WIDTH)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y;
  let column = id.x * 8;
  if (row >= params.M || column >= params.N) {
    return;
  }
  // Columns beyond the edge read the last one, and are not written.
  let last = params.N - 1;
  let left = min(column + vec4u(0, 1, 2, 3), vec4u(last));
  let right = min(column + vec4u(4, 5, 6, 7), vec4u(last));
  var sums: array<vec4f, 2>;
  for (var k = 0u; k < params.K; k++) {
    let x = a[row * params.K + k];
    let begin = k * params.N;
    sums[0] += x * vec4f(b[begin + left.x], b[begin + left.y], b[begin + left.z], b[begin + left.w]);
    sums[1] += x * vec4f(b[begin + right.x], b[begin + right.y], b[begin + right.z], b[begin + right.w]);
  }
  for (var i = 0u; i < min(8, params.N - column); i++) {
    c[row * params.N + column + i] = sums[i / 4][i % 4];
  }
}
