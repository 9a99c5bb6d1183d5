import adamwSource from "../../shaders/optimizer/adamw.wgsl";
import clipScaleSource from "../../shaders/optimizer/clip-scale.wgsl";
import sgdSource from "../../shaders/optimizer/sgd.wgsl";
import { currentValue, defineKernel, type LiveNumber } from "../gpu/index.ts";
import { assertSameShape, sliceView, type Tensor, tidy } from "../tensor/index.ts";
import { contiguous, copyInto } from "./copy.ts";
import { gridOf, launch, output, requireFloat32 } from "./launch.ts";
import { reduce, sumOfSquares } from "./reduction/reduce.ts";
import { forFlatWindows } from "./windows.ts";

const adamwKernel = defineKernel({
  name: "adamw",
  source: adamwSource,
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

const sgdKernel = defineKernel({
  name: "sgd",
  source: sgdSource,
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

const clipScaleKernel = defineKernel({
  name: "clip-scale",
  source: clipScaleSource,
  bindings: { x: "read", y: "read_write" },
  params: { limit: "f32", xOffset: "u32", yOffset: "u32" },
});

export interface AdamWStep {
  rate: LiveNumber;
  beta1: number;
  beta2: number;
  epsilon: number;
  decay: number;
  /** Number of this step, from 1. */
  step: LiveNumber;
}

function checkStep(op: string, parameter: Tensor, gradient: Tensor): void {
  requireFloat32(op, parameter, gradient);
  assertSameShape(op, parameter, gradient);
  if (!parameter.isContiguous) throw new Error(`${op}: a parameter must be contiguous`);
}

/** The factor alone, of what `clipScale` gives: a tensor of one element is bound whole to every window. */
const firstOf = (scale: Tensor): Tensor => scale.view([1], [1]);

/** Updates a parameter and its two moments in place; the gradient is multiplied by `scale[0]` first. */
export function adamwStep(
  parameter: Tensor,
  gradient: Tensor,
  first: Tensor,
  second: Tensor,
  scale: Tensor,
  options: AdamWStep,
): void {
  checkStep("adamw", parameter, gradient);
  const { beta1, beta2, epsilon, decay } = options;
  const rate = (): number => currentValue(options.rate);
  const step = (): number => currentValue(options.step);
  const [oneMinusBeta1, oneMinusBeta2] = [1 - beta1, 1 - beta2];
  const keep = (): number => 1 - rate() * decay;
  const stepSize = (): number => rate() / (1 - beta1 ** step());
  const rootCorrection = (): number => Math.sqrt(1 - beta2 ** step());
  tidy(() =>
    forFlatWindows([contiguous(gradient), firstOf(scale), parameter, first, second], (windows, size) => {
      const count = Math.ceil(size / 4);
      const params = { count, beta2, oneMinusBeta1, oneMinusBeta2, keep, epsilon, stepSize, rootCorrection };
      launch("adamw", adamwKernel.variant(), windows, params, gridOf(count));
    }),
  );
}

/** Updates a parameter and its velocity in place. `momentum` is 0 on the first step, when there is no velocity yet. */
export function sgdStep(
  parameter: Tensor,
  gradient: Tensor,
  velocity: Tensor,
  scale: Tensor,
  options: { rate: LiveNumber; momentum: LiveNumber; decay: number },
): void {
  checkStep("sgd", parameter, gradient);
  tidy(() =>
    forFlatWindows([contiguous(gradient), firstOf(scale), parameter, velocity], (windows, size) => {
      const count = Math.ceil(size / 4);
      launch("sgd", sgdKernel.variant(), windows, { count, ...options }, gridOf(count));
    }),
  );
}

/**
 * Global norm of several gradients, and the factor that clips it: [min(1, limit / (norm + 1e-6)), norm], shape [2].
 * It stays on the GPU; the optimizer kernels read it there.
 */
export function clipScale(gradients: readonly Tensor[], limit: number): Tensor {
  return tidy(() => {
    const sums: Tensor[] = [];
    for (const gradient of gradients) {
      requireFloat32("clip", gradient);
      if (gradient.size === 0) continue;
      forFlatWindows([contiguous(gradient)], ([window]) => sums.push(sumOfSquares("clip", window)));
    }
    const all = output("clip", gradients[0], [sums.length]);
    sums.forEach((sum, i) => {
      copyInto(sliceView(all, 0, i, i + 1), sum);
    });
    const result = output("clip", all, [2]);
    launch("clip", clipScaleKernel.variant(), [reduce("clip", all, "sum"), result], { limit }, [1, 1, 1]);
    return result;
  });
}
