// y = softmax(q kᵀ / √D) v, query t seeing keys 0 to t: one invocation a query, in one pass over the keys. Maximum, sum and
// weighted values are kept in registers and rescaled when the maximum grows (Milakov and Gimelshein, 2018), so that the
// scores are computed once and never stored.
// grid: ceil(H * T / 64)

const WIDEST: u32 = 128u; // of a head

struct Params {
  H: u32, // heads
  T: u32, // queries, and keys
  D: u32, // width of a head
}

@group(0) @binding(0) var<storage, read> q: array<f32>;       // [H, T, D]
@group(0) @binding(1) var<storage, read> k: array<f32>;       // [H, T, D]
@group(0) @binding(2) var<storage, read> v: array<f32>;       // [H, T, D]
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [H, T, D]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let query = (group.y * groups.x + group.x) * 64 + lane;
  if (query >= params.H * params.T) {
    return;
  }
  var own: array<f32, WIDEST>;
  var weighted: array<f32, WIDEST>;
  let factor = 1.0 / sqrt(f32(params.D));
  for (var d = 0u; d < params.D; d++) {
    own[d] = q[query * params.D + d] * factor;
  }
  var most = -3.4e38;
  var sum = 0.0;
  for (var key = query / params.T * params.T; key <= query; key++) {
    var score = 0.0;
    for (var d = 0u; d < params.D; d++) {
      score += own[d] * k[key * params.D + d];
    }
    if (score > most) {
      let shrink = exp(most - score);
      most = score;
      sum *= shrink;
      for (var d = 0u; d < params.D; d++) {
        weighted[d] *= shrink;
      }
    }
    let share = exp(score - most);
    sum += share;
    for (var d = 0u; d < params.D; d++) {
      weighted[d] += share * v[key * params.D + d];
    }
  }
  for (var d = 0u; d < params.D; d++) {
    y[query * params.D + d] = weighted[d] / sum;
  }
}
