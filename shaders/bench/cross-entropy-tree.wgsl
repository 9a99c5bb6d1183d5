// y = ln Σ exp(logits) − logits[label] of each row: 64 invocations share a row, read neighbouring numbers together and join
// their maxima and sums in a tree in workgroup memory.
// grid: R

struct Params {
  R: u32,
  C: u32,
}

const LANES: u32 = 64u;

@group(0) @binding(0) var<storage, read> logits: array<f32>;  // [R, C]
@group(0) @binding(1) var<storage, read> labels: array<i32>;  // [R], each from 0 to C - 1
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // [R]
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> tops: array<f32, LANES>;
var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  // A workgroup beyond the last row does that row again and writes nothing: barriers need all invocations.
  let row = group.y * groups.x + group.x;
  let begin = min(row, params.R - 1) * params.C;
  var most = -3.4e38;
  var sum = 0.0;
  for (var i = lane; i < params.C; i += LANES) {
    let v = logits[begin + i];
    if (v > most) {
      sum *= exp(most - v);
      most = v;
    }
    sum += exp(v - most);
  }
  tops[lane] = most;
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = LANES / 2; half > 0; half /= 2) {
    if (lane < half) {
      let top = max(tops[lane], tops[lane + half]);
      sums[lane] = sums[lane] * exp(tops[lane] - top) + sums[lane + half] * exp(tops[lane + half] - top);
      tops[lane] = top;
    }
    workgroupBarrier();
  }
  if (lane == 0 && row < params.R) {
    y[row] = log(sums[0]) + tops[0] - logits[begin + u32(labels[row])];
  }
}
