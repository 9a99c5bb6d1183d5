// y = exp(x − max x) / Σ exp(x − max x) of each row: maximum and sum in one pass, the sum rescaled whenever the maximum
// grows (Milakov and Gimelshein, 2018), so that x is read twice instead of three times.
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
  var sum = 1.0;
  for (var i = begin + 1; i < end; i++) {
    let v = x[i];
    if (v > most) {
      sum = sum * exp(most - v) + 1.0;
      most = v;
    } else {
      sum += exp(v - most);
    }
  }
  let factor = 1.0 / sum;
  for (var i = begin; i < end; i++) {
    y[i] = exp(x[i] - most) * factor;
  }
}
