// y[i] = the sum of x before i, over integers: one stage. An invocation walks a chunk in order, and begins with the sum
// of all chunks before it, where there are several. With ONLY_TOTALS it writes the sum of each chunk instead.
const ONLY_TOTALS: bool = false;
const CHUNK: u32 = 256;

struct Params {
  count: u32,
  chunks: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> before: array<u32>; // of each chunk; unused when there is one
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let t = (group.y * groups.x + group.x) * 64u + lane;
  if (t >= params.chunks) {
    return;
  }
  let end = min((t + 1u) * CHUNK, params.count);
  var total = 0u;
  if (!ONLY_TOTALS && params.chunks > 1u) {
    total = before[t];
  }
  for (var i = t * CHUNK; i < end; i++) {
    let value = x[i];
    if (!ONLY_TOTALS) {
      y[i] = total;
    }
    total += value;
  }
  if (ONLY_TOTALS) {
    y[t] = total;
  }
}
