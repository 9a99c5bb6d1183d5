// One step of stochastic gradient descent with momentum, as in PyTorch (no dampening):
// g += decay * p;  velocity = g on the first step, else momentum * velocity + g;  p -= rate * velocity.
struct Params {
  count: u32, // of vec4
  parameterOffset: u32,
  gradientOffset: u32,
  velocityOffset: u32,
  scaleOffset: u32,
  rate: f32,
  momentum: f32, // 0 on the first step
  decay: f32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> velocity: array<vec4<f32>>;
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
  let q = params.velocityOffset / 4u + i;
  let g = gradient[params.gradientOffset / 4u + i] * scale[params.scaleOffset] + params.decay * parameter[p];
  let moved = params.momentum * velocity[q] + g;
  velocity[q] = moved;
  parameter[p] -= params.rate * moved;
}
