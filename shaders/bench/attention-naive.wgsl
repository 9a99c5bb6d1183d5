// y = softmax(q kᵀ / √D) v, query t seeing keys 0 to t: one invocation a query. The scores are computed three times: for
// their maximum, for the sum of their exponentials, and for the weighted sum of the values.
// grid: ceil(H * T / 64)

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

fn score(query: u32, key: u32) -> f32 {
  var sum = 0.0;
  for (var d = 0u; d < params.D; d++) {
    sum += q[query * params.D + d] * k[key * params.D + d];
  }
  return sum / sqrt(f32(params.D));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let query = (group.y * groups.x + group.x) * 64 + lane;
  if (query >= params.H * params.T) {
    return;
  }
  let first = query / params.T * params.T; // of the head's keys
  var most = score(query, first);
  for (var key = first; key <= query; key++) {
    most = max(most, score(query, key));
  }
  var sum = 0.0;
  for (var key = first; key <= query; key++) {
    sum += exp(score(query, key) - most);
  }
  for (var d = 0u; d < params.D; d++) {
    y[query * params.D + d] = 0.0;
  }
  for (var key = first; key <= query; key++) {
    let share = exp(score(query, key) - most) / sum;
    for (var d = 0u; d < params.D; d++) {
      y[query * params.D + d] += share * v[key * params.D + d];
    }
  }
}
