export {
  bernoulli,
  categorical,
  full,
  normal,
  ones,
  permutation,
  type RandomOptions,
  uniform,
  zeros,
} from "../kernels/create.ts";
export {
  type BackwardOptions,
  backward,
  detach,
  grad,
  type ValueAndGradients,
  valueAndGrad,
} from "./backward.ts";
export { type CapturedStep, type CaptureOptions, capture } from "./capture.ts";
export { checkpoint } from "./checkpoint.ts";
export { type CustomOp, type CustomOpDefinition, type CustomOpLaunch, customOp } from "./custom-op.ts";
export {
  defineOp,
  type Op,
  type OpDefinition,
  type Spec,
  type VjpContext,
} from "./define-op.ts";
export { GradcheckError, type GradcheckOptions, type GradcheckReport, gradcheck } from "./gradcheck.ts";
export { type GradientHome, offerGradientHome } from "./gradient-homes.ts";
export { Gradients } from "./gradients.ts";
export * from "./ops/index.ts";
export { type GradientTarget, type GradientThunk, isRecomputing, noGrad } from "./tape.ts";
