// One step of AdamW (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101), as in PyTorch:
// p *= 1 - rate * decay;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²;
// p -= rate / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + epsilon), with g scaled by the clipping factor.
struct Params {
  count: u32, // of vec4
  parameterOffset: u32,
  gradientOffset: u32,
  firstOffset: u32,
  secondOffset: u32,
  scaleOffset: u32,
  beta2: f32,
  // Differences from 1 come from the host in double precision: 1 - f32(0.999) is off by 1.3e-5.
  oneMinusBeta1: f32,
  oneMinusBeta2: f32,
  keep: f32, // 1 - rate * decay
  epsilon: f32,
  stepSize: f32, // rate / (1 - beta1^t)
  rootCorrection: f32, // sqrt(1 - beta2^t)
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> first: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> second: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= params.count) {
    return;
  }
  let p = params.parameterOffset / 4u + i;
  let m = params.firstOffset / 4u + i;
  let v = params.secondOffset / 4u + i;
  let g = gradient[params.gradientOffset / 4u + i] * scale[params.scaleOffset];
  let mean = first[m] + params.oneMinusBeta1 * (g - first[m]);
  let square = params.beta2 * second[v] + params.oneMinusBeta2 * g * g;
  first[m] = mean;
  second[v] = square;
  let decayed = parameter[p] * params.keep;
  parameter[p] = decayed - params.stepSize * mean / (sqrt(square) / params.rootCorrection + params.epsilon);
}
