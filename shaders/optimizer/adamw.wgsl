// One step of AdamW (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101), as in PyTorch:
// p *= 1 - rate * decay;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²;
// p -= rate / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + epsilon), with g scaled by the clipping factor.
//
// Parameters lie side by side in one buffer, and so do gradients and moments. A unit is a stretch of one parameter: its
// first vector, its elements, and the class that tells its rates. One workgroup makes a unit.
struct Params {
  unitCount: u32,
  firstUnit: u32,
  origin: u32, // the vector that the offsets stand for
  unitsOffset: u32,
  gradientOffset: u32,
  scaleOffset: u32,
  parameterOffset: u32,
  firstOffset: u32,
  secondOffset: u32,
  beta2: f32,
  // Differences from 1 come from the host in double precision: 1 - f32(0.999) is off by 1.3e-5.
  oneMinusBeta1: f32,
  oneMinusBeta2: f32,
  epsilon: f32,
  // Of each class: 1 - rate * decay, rate / (1 - beta1^t), sqrt(1 - beta2^t).
  keep0: f32, stepSize0: f32, rootCorrection0: f32,
  keep1: f32, stepSize1: f32, rootCorrection1: f32,
  keep2: f32, stepSize2: f32, rootCorrection2: f32,
  keep3: f32, stepSize3: f32, rootCorrection3: f32,
  keep4: f32, stepSize4: f32, rootCorrection4: f32,
  keep5: f32, stepSize5: f32, rootCorrection5: f32,
  keep6: f32, stepSize6: f32, rootCorrection6: f32,
  keep7: f32, stepSize7: f32, rootCorrection7: f32,
}

@group(0) @binding(0) var<storage, read> units: array<u32>; // [units, 4]
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> scale: array<f32>; // factor of the gradient, norm, whether to do nothing
@group(0) @binding(3) var<storage, read_write> parameter: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> first: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> second: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> params: Params;

fn ratesOf(index: u32) -> vec3<f32> {
  switch index {
    case 1u: { return vec3(params.keep1, params.stepSize1, params.rootCorrection1); }
    case 2u: { return vec3(params.keep2, params.stepSize2, params.rootCorrection2); }
    case 3u: { return vec3(params.keep3, params.stepSize3, params.rootCorrection3); }
    case 4u: { return vec3(params.keep4, params.stepSize4, params.rootCorrection4); }
    case 5u: { return vec3(params.keep5, params.stepSize5, params.rootCorrection5); }
    case 6u: { return vec3(params.keep6, params.stepSize6, params.rootCorrection6); }
    case 7u: { return vec3(params.keep7, params.stepSize7, params.rootCorrection7); }
    default: { return vec3(params.keep0, params.stepSize0, params.rootCorrection0); }
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
    let m = params.firstOffset / 4u + i;
    let v = params.secondOffset / 4u + i;
    let g = gradient[params.gradientOffset / 4u + i] * factor;
    let mean = first[m] + params.oneMinusBeta1 * (g - first[m]);
    let square = params.beta2 * second[v] + params.oneMinusBeta2 * g * g;
    first[m] = mean;
    second[v] = square;
    let decayed = parameter[p] * rates.x;
    parameter[p] = decayed - rates.y * mean / (sqrt(square) / rates.z + params.epsilon);
  }
}
