// y = ln Σ exp(logits) − logits[label] of each row: maximum and sum in one pass, the sum rescaled whenever the maximum grows
// (Milakov and Gimelshein, 2018), so that the logits are read once.
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
  var sum = 1.0;
  for (var i = 1u; i < params.C; i++) {
    let v = logits[begin + i];
    if (v > most) {
      sum = sum * exp(most - v) + 1.0;
      most = v;
    } else {
      sum += exp(v - most);
    }
  }
  y[row] = log(sum) + most - logits[begin + u32(labels[row])];
}
