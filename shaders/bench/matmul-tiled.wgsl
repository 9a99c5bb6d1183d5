// C = A · B: a workgroup brings 16 × 16 tiles of A and B into its own memory, so that each number is read once for 16
// elements of C. The textbook's step for GPUs; where "workgroup memory" is ordinary memory and a barrier a switch of all
// invocations, it costs more than it saves.
// grid: ceil(N / TILE), ceil(M / TILE)

struct Params {
  M: u32,
  K: u32,
  N: u32,
}

const TILE: u32 = 16u;

@group(0) @binding(0) var<storage, read> a: array<f32>;       // [M, K]
@group(0) @binding(1) var<storage, read> b: array<f32>;       // [K, N]
@group(0) @binding(2) var<storage, read_write> c: array<f32>; // [M, N]
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> tileA: array<array<f32, TILE>, TILE>;
var<workgroup> tileB: array<array<f32, TILE>, TILE>;

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = id.y;
  let column = id.x;
  var sum = 0.0;
  for (var begin = 0u; begin < params.K; begin += TILE) {
    let kA = begin + local.x;
    let kB = begin + local.y;
    let isInA = row < params.M && kA < params.K;
    let isInB = column < params.N && kB < params.K;
    tileA[local.y][local.x] = select(0.0, a[min(row, params.M - 1) * params.K + min(kA, params.K - 1)], isInA);
    tileB[local.y][local.x] = select(0.0, b[min(kB, params.K - 1) * params.N + min(column, params.N - 1)], isInB);
    workgroupBarrier();
    for (var k = 0u; k < TILE; k++) {
      sum += tileA[local.y][k] * tileB[k][local.x];
    }
    workgroupBarrier();
  }
  if (row < params.M && column < params.N) {
    c[row * params.N + column] = sum;
  }
}
