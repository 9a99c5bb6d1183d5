// y = ln Σ exp(logits) − logits[label] of each row: one invocation a row, in two passes over it.
// grid: ceil(R / 64)

struct Params {
  R: u32,
  C: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;  // [R, C]
@group(0) @binding(1) var<storage, read> labels: array<i32>;  // [R], each from 0 to C - 1
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // [R]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * 64 + lane;
  if (row >= params.R) {
    return;
  }
  let begin = row * params.C;
  var most = logits[begin];
  for (var i = 0u; i < params.C; i++) {
    most = max(most, logits[begin + i]);
  }
  var sum = 0.0;
  for (var i = 0u; i < params.C; i++) {
    sum += exp(logits[begin + i] - most);
  }
  y[row] = log(sum) + most - logits[begin + u32(labels[row])];
}
