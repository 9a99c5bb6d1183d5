// y = softmax(q kᵀ / √D) v, query t seeing keys 0 to t: 32 queries of a head share a workgroup, and 16 keys and values at a
// time pass through its memory, so that each is read once for 32 queries (the forward pass of Dao et al.,
// "FlashAttention", 2022).
// grid: ceil(T / QUERIES), H

const QUERIES: u32 = 32u;
const KEYS: u32 = 16u;
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

var<workgroup> keys: array<f32, KEYS * WIDEST>;
var<workgroup> values: array<f32, KEYS * WIDEST>;

@compute @workgroup_size(QUERIES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = group.y * params.T;
  let t = group.x * QUERIES + lane;
  let query = head + min(t, params.T - 1); // a query beyond the last does that one again and writes nothing
  var own: array<f32, WIDEST>;
  var weighted: array<f32, WIDEST>;
  let factor = 1.0 / sqrt(f32(params.D));
  for (var d = 0u; d < params.D; d++) {
    own[d] = q[query * params.D + d] * factor;
  }
  var most = -3.4e38;
  var sum = 0.0;
  let last = min((group.x + 1) * QUERIES, params.T); // of the keys that any query of the workgroup sees
  for (var begin = 0u; begin < last; begin += KEYS) {
    let count = min(KEYS, last - begin);
    for (var i = lane; i < count * params.D; i += QUERIES) {
      keys[i] = k[(head + begin) * params.D + i];
      values[i] = v[(head + begin) * params.D + i];
    }
    workgroupBarrier();
    for (var n = 0u; n < count && head + begin + n <= query; n++) {
      var score = 0.0;
      for (var d = 0u; d < params.D; d++) {
        score += own[d] * keys[n * params.D + d];
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
        weighted[d] += share * values[n * params.D + d];
      }
    }
    workgroupBarrier();
  }
  if (t < params.T) {
    for (var d = 0u; d < params.D; d++) {
      y[query * params.D + d] = weighted[d] / sum;
    }
  }
}
