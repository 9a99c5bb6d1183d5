// y = exp(x − max x) / Σ exp(x − max x) of each row: 64 invocations share a row, read neighbouring numbers together and
// join their maxima and sums in a tree in workgroup memory.
// grid: R

struct Params {
  R: u32,
  C: u32,
}

const LANES: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<f32>;       // [R, C]
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // [R, C]
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  // A workgroup beyond the last row does that row again and writes nothing: barriers need all invocations.
  let row = group.y * groups.x + group.x;
  let begin = min(row, params.R - 1) * params.C;
  var most = x[begin];
  for (var i = lane; i < params.C; i += LANES) {
    most = max(most, x[begin + i]);
  }
  partial[lane] = most;
  workgroupBarrier();
  for (var half = LANES / 2; half > 0; half /= 2) {
    if (lane < half) {
      partial[lane] = max(partial[lane], partial[lane + half]);
    }
    workgroupBarrier();
  }
  most = partial[0];
  workgroupBarrier();
  var sum = 0.0;
  for (var i = lane; i < params.C; i += LANES) {
    sum += exp(x[begin + i] - most);
  }
  partial[lane] = sum;
  workgroupBarrier();
  for (var half = LANES / 2; half > 0; half /= 2) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  let factor = 1.0 / partial[0];
  if (row < params.R) {
    for (var i = lane; i < params.C; i += LANES) {
      y[begin + i] = exp(x[begin + i] - most) * factor;
    }
  }
}
