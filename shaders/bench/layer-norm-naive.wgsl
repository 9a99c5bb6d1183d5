// y = (x − mean) / √(variance + 10⁻⁵) · weight + bias of each row: one invocation a row, in three passes over it.
// grid: ceil(R / 64)

struct Params {
  R: u32,
  C: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;       // [R, C]
@group(0) @binding(1) var<storage, read> weight: array<f32>;  // [C]
@group(0) @binding(2) var<storage, read> bias: array<f32>;    // [C]
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [R, C]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * 64 + lane;
  if (row >= params.R) {
    return;
  }
  let begin = row * params.C;
  var sum = 0.0;
  for (var i = 0u; i < params.C; i++) {
    sum += x[begin + i];
  }
  let mean = sum / f32(params.C);
  var squares = 0.0;
  for (var i = 0u; i < params.C; i++) {
    let d = x[begin + i] - mean;
    squares += d * d;
  }
  let factor = 1.0 / sqrt(squares / f32(params.C) + 1e-5);
  for (var i = 0u; i < params.C; i++) {
    y[begin + i] = (x[begin + i] - mean) * factor * weight[i] + bias[i];
  }
}
