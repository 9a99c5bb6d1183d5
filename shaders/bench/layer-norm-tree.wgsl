// y = (x − mean) / √(variance + 10⁻⁵) · weight + bias of each row: 64 invocations share a row, read neighbouring numbers
// together and join their sums in a tree in workgroup memory.
// grid: R

struct Params {
  R: u32,
  C: u32,
}

const LANES: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<f32>;       // [R, C]
@group(0) @binding(1) var<storage, read> weight: array<f32>;  // [C]
@group(0) @binding(2) var<storage, read> bias: array<f32>;    // [C]
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [R, C]
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> partial: array<f32, LANES>;

// The sum of what all lanes give, in all lanes.
fn sumOfLanes(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  partial[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2; half > 0; half /= 2) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  return partial[0];
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  // A workgroup beyond the last row does that row again and writes nothing: barriers need all invocations.
  let row = group.y * groups.x + group.x;
  let begin = min(row, params.R - 1) * params.C;
  var sum = 0.0;
  for (var i = lane; i < params.C; i += LANES) {
    sum += x[begin + i];
  }
  let mean = sumOfLanes(lane, sum) / f32(params.C);
  var squares = 0.0;
  for (var i = lane; i < params.C; i += LANES) {
    let d = x[begin + i] - mean;
    squares += d * d;
  }
  let factor = 1.0 / sqrt(sumOfLanes(lane, squares) / f32(params.C) + 1e-5);
  if (row < params.R) {
    for (var i = lane; i < params.C; i += LANES) {
      y[begin + i] = (x[begin + i] - mean) * factor * weight[i] + bias[i];
    }
  }
}
