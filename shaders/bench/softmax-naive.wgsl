// y = exp(x − max x) / Σ exp(x − max x) of each row: one invocation a row, in three passes over it.
// grid: ceil(R / 64)

struct Params {
  R: u32,
  C: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;       // [R, C]
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // [R, C]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * 64 + lane;
  if (row >= params.R) {
    return;
  }
  let begin = row * params.C;
  let end = begin + params.C;
  var most = x[begin];
  for (var i = begin; i < end; i++) {
    most = max(most, x[i]);
  }
  var sum = 0.0;
  for (var i = begin; i < end; i++) {
    sum += exp(x[i] - most);
  }
  for (var i = begin; i < end; i++) {
    y[i] = exp(x[i] - most) / sum;
  }
}
