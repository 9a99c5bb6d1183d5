// y = Σ x in two dispatches: 256 workgroups add every 65,536th number in each invocation and join these sums in a tree in
// workgroup memory; then one workgroup does so with the sums of the workgroups.
// grid: GROUPS
// grid: 1

struct Params {
  N: u32,
  stage: u32, // which dispatch this is
}

const GROUPS: u32 = 256u;
const LANES: u32 = 256u;

@group(0) @binding(0) var<storage, read> x: array<f32>;             // [N]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;       // [1]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>; // [65536], between the dispatches
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  if (params.stage == 0) {
    for (var i = id.x; i < params.N; i += GROUPS * LANES) {
      sum += x[i];
    }
  } else {
    sum = partial[lane];
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = LANES / 2; half > 0; half /= 2) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  if (lane == 0 && params.stage == 0) {
    partial[group.x] = sums[0];
  }
  if (lane == 0 && params.stage == 1) {
    y[0] = sums[0];
  }
}
