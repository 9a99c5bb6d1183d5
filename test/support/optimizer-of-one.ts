import { Kernel, linearGrid } from "../../src/gpu/index.ts";
import { launch } from "../../src/kernels/launch.ts";
import type { Tensor } from "../../src/tensor/index.ts";

// The optimizers' formulas with a kernel run for each parameter: what packed parameters must agree with to the bit.

/** p *= keep;  m += (1 − b1)(g − m);  v = b2 v + (1 − b2) g²;  p −= stepSize m / (√v / rootCorrection + ε). */
const ADAMW = /* wgsl */ `
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
`;

/** g += decay p;  v = momentum v + g;  p −= rate v. */
const SGD = /* wgsl */ `
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
`;

const adamwKernel = new Kernel({
  name: "adamw of one parameter",
  source: ADAMW,
  bindings: { gradient: "read", scale: "read", parameter: "read_write", first: "read_write", second: "read_write" },
  params: {
    count: "u32",
    parameterOffset: "u32",
    gradientOffset: "u32",
    firstOffset: "u32",
    secondOffset: "u32",
    scaleOffset: "u32",
    beta2: "f32",
    oneMinusBeta1: "f32",
    oneMinusBeta2: "f32",
    keep: "f32",
    epsilon: "f32",
    stepSize: "f32",
    rootCorrection: "f32",
  },
});

const sgdKernel = new Kernel({
  name: "sgd of one parameter",
  source: SGD,
  bindings: { gradient: "read", scale: "read", parameter: "read_write", velocity: "read_write" },
  params: {
    count: "u32",
    parameterOffset: "u32",
    gradientOffset: "u32",
    velocityOffset: "u32",
    scaleOffset: "u32",
    rate: "f32",
    momentum: "f32",
    decay: "f32",
  },
});

interface Rates {
  rate: number;
  decay: number;
  step: number;
}

/** AdamW with PyTorch's defaults; the gradient is multiplied by `scale[0]` first. */
export function adamwOfOne(p: Tensor, g: Tensor, [m, v]: readonly Tensor[], scale: Tensor, rates: Rates): void {
  const { rate, decay, step } = rates;
  const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
  const count = Math.ceil(p.size / 4);
  launch(
    "adamw",
    adamwKernel.variant(),
    [g, scale, p, m, v],
    {
      ...{ count, beta2, oneMinusBeta1: 1 - beta1, oneMinusBeta2: 1 - beta2, keep: 1 - rate * decay, epsilon },
      stepSize: rate / (1 - beta1 ** step),
      rootCorrection: Math.sqrt(1 - beta2 ** step),
    },
    linearGrid(Math.ceil(count / 64)),
  );
}

/** SGD with momentum 0.9. */
export function sgdOfOne(p: Tensor, g: Tensor, [velocity]: readonly Tensor[], scale: Tensor, rates: Rates): void {
  const { rate, decay, step } = rates;
  const count = Math.ceil(p.size / 4);
  const params = { count, rate, momentum: step === 1 ? 0 : 0.9, decay };
  launch("sgd", sgdKernel.variant(), [g, scale, p, velocity], params, linearGrid(Math.ceil(count / 64)));
}
