// A step of AdamW, all of it in one kernel: one invocation updates one parameter and its two moments.
// grid: ceil(N / 64)

struct Params {
  N: u32,
  oneMinusBeta1: f32,
  beta2: f32,
  oneMinusBeta2: f32,
  keep: f32,           // 1 - rate * decay
  epsilon: f32,
  stepSize: f32,       // rate / (1 - beta1^t)
  rootCorrection: f32, // sqrt(1 - beta2^t)
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;        // [N]
@group(0) @binding(1) var<storage, read_write> parameter: array<f32>; // [N], changed in place
@group(0) @binding(2) var<storage, read_write> first: array<f32>;     // [N], the first moment
@group(0) @binding(3) var<storage, read_write> second: array<f32>;    // [N], the second moment
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64 + lane;
  if (i >= params.N) {
    return;
  }
  let g = gradient[i];
  let mean = first[i] + params.oneMinusBeta1 * (g - first[i]);
  let square = params.beta2 * second[i] + params.oneMinusBeta2 * g * g;
  first[i] = mean;
  second[i] = square;
  let root = sqrt(square) / params.rootCorrection + params.epsilon;
  parameter[i] = params.keep * parameter[i] - params.stepSize * mean / root;
}
