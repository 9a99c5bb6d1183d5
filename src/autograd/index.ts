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
export { type BackwardOptions, backward, grad } from "./backward.ts";
export { defineOp, type Op, type OpDefinition, type Sample, type SampleInput } from "./define-op.ts";
export { Gradients } from "./gradients.ts";
export * from "./ops/index.ts";
export { noGrad } from "./tape.ts";
