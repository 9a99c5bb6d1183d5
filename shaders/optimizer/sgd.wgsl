// One step of stochastic gradient descent with momentum, as in PyTorch (no dampening):
// g += decay * p;  velocity = g on the first step, else momentum * velocity + g;  p -= rate * velocity.
//
// Parameters lie side by side in one buffer, and so do gradients and velocities. A unit is a stretch of one parameter:
// its first vector, its elements, and the class that tells its rates. One workgroup makes a unit.
struct Params {
  unitCount: u32,
  firstUnit: u32,
  origin: u32, // the vector that the offsets stand for
  unitsOffset: u32,
  gradientOffset: u32,
  scaleOffset: u32,
  parameterOffset: u32,
  velocityOffset: u32,
  // Of each class; the momentum is 0 on the first step.
  rate0: f32, momentum0: f32, decay0: f32,
  rate1: f32, momentum1: f32, decay1: f32,
  rate2: f32, momentum2: f32, decay2: f32,
  rate3: f32, momentum3: f32, decay3: f32,
  rate4: f32, momentum4: f32, decay4: f32,
  rate5: f32, momentum5: f32, decay5: f32,
  rate6: f32, momentum6: f32, decay6: f32,
  rate7: f32, momentum7: f32, decay7: f32,
}

@group(0) @binding(0) var<storage, read> units: array<u32>; // [units, 4]
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> scale: array<f32>; // factor of the gradient, norm, whether to do nothing
@group(0) @binding(3) var<storage, read_write> parameter: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> velocity: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> params: Params;

fn ratesOf(index: u32) -> vec3<f32> {
  switch index {
    case 1u: { return vec3(params.rate1, params.momentum1, params.decay1); }
    case 2u: { return vec3(params.rate2, params.momentum2, params.decay2); }
    case 3u: { return vec3(params.rate3, params.momentum3, params.decay3); }
    case 4u: { return vec3(params.rate4, params.momentum4, params.decay4); }
    case 5u: { return vec3(params.rate5, params.momentum5, params.decay5); }
    case 6u: { return vec3(params.rate6, params.momentum6, params.decay6); }
    case 7u: { return vec3(params.rate7, params.momentum7, params.decay7); }
    default: { return vec3(params.rate0, params.momentum0, params.decay0); }
  }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = group.y * groups.x + group.x;
  if (index >= params.unitCount || scale[params.scaleOffset + 2u] != 0.0) {
    return;
  }
  let unit = params.unitsOffset + (params.firstUnit + index) * 4u;
  let begin = units[unit] - params.origin;
  let count = (units[unit + 1u] + 3u) / 4u;
  let rates = ratesOf(units[unit + 2u]);
  let factor = scale[params.scaleOffset];
  for (var i = begin + lane; i < begin + count; i += 64u) {
    let p = params.parameterOffset / 4u + i;
    let q = params.velocityOffset / 4u + i;
    let g = gradient[params.gradientOffset / 4u + i] * factor + rates.z * parameter[p];
    let moved = rates.y * velocity[q] + g;
    velocity[q] = moved;
    parameter[p] -= rates.x * moved;
  }
}
