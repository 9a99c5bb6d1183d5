// The core of the engine, in one entry of limited size: what perceptrons and transformers are built from, trained and run
// with. All of it is what `graft-gpu` and `graft-gpu/nn` export under the same names, so that programs may mix the three.
export {
  type BackwardOptions,
  backward,
  detach,
  grad,
  type ValueAndGradients,
  valueAndGrad,
} from "./autograd/backward.ts";
export { Gradients } from "./autograd/gradients.ts";
export { expand, sum } from "./autograd/ops/broadcast.ts";
export { dropout } from "./autograd/ops/dropout.ts";
export { relu, sigmoid, silu, tanh } from "./autograd/ops/elementwise/activation.ts";
export { abs, rsqrt, sign, sqrt, square } from "./autograd/ops/elementwise/algebraic.ts";
export { add, affine, div, mul, neg, sub } from "./autograd/ops/elementwise/arithmetic.ts";
export { cast } from "./autograd/ops/elementwise/cast.ts";
export { equal, greater, greaterEqual, less, lessEqual, notEqual } from "./autograd/ops/elementwise/comparison.ts";
export type { Operand } from "./autograd/ops/elementwise/define-binary.ts";
export { exp, log } from "./autograd/ops/elementwise/exponential.ts";
export { type GeluOptions, gelu } from "./autograd/ops/elementwise/gaussian.ts";
export { where } from "./autograd/ops/elementwise/selection.ts";
export { embedding } from "./autograd/ops/indexing/embedding.ts";
export { oneHot } from "./autograd/ops/indexing/one-hot.ts";
export {
  type Activation,
  activate,
  type LinearOptions,
  linear,
  type WeightLayout,
} from "./autograd/ops/linear-algebra/linear.ts";
export { matmul } from "./autograd/ops/linear-algebra/matmul.ts";
export { type CrossEntropyOptions, crossEntropy } from "./autograd/ops/losses/cross-entropy.ts";
export { type LossOptions, meanSquaredError } from "./autograd/ops/losses/losses.ts";
export type { Reduction } from "./autograd/ops/losses/reduction.ts";
export { type LayerNormOptions, layerNorm, rmsNorm } from "./autograd/ops/normalization/layer-norm.ts";
export { logSoftmax, softmax } from "./autograd/ops/normalization/softmax.ts";
export { argmax } from "./autograd/ops/reduction/arguments.ts";
export type { Axes } from "./autograd/ops/reduction/attributes.ts";
export { max, min } from "./autograd/ops/reduction/extrema.ts";
export { mean } from "./autograd/ops/reduction/statistics.ts";
export { concat } from "./autograd/ops/shape/concat.ts";
export {
  contiguous,
  permute,
  reshape,
  slice,
  transpose,
} from "./autograd/ops/shape/views.ts";
export { noGrad } from "./autograd/tape.ts";
export {
  DeviceLostError,
  describeWebGpuProblem,
  Gpu,
  GpuError,
  type GpuStatistics,
  type LiveNumber,
  MemoryLimitError,
  type OpenOptions,
  ShaderCompileError,
  type WebGpuProblem,
  WebGpuUnavailableError,
} from "./gpu/index.ts";
export { full, ones, type RandomOptions, uniform, zeros } from "./kernels/create.ts";
export { applyDropout, Dropout, TrainingPass } from "./nn/layers/dropout.ts";
export { Embedding } from "./nn/layers/embedding.ts";
export { fillWith, initializeUniform } from "./nn/layers/initialize.ts";
export { Layer } from "./nn/layers/layer.ts";
export { LayerNorm } from "./nn/layers/layer-norm.ts";
export { Linear } from "./nn/layers/linear.ts";
export { type BufferOptions, buffer, Module, parameter } from "./nn/module.ts";
export {
  AdamW,
  type AdamWOptions,
  Optimizer,
  type OptimizerState,
  type ParameterGroup,
  SGD,
  type StepOptions,
} from "./nn/optimizers.ts";
export {
  arange,
  type CreateOptions,
  type DType,
  type HostArray,
  keep,
  type NestedNumbers,
  type Shape,
  sizeOf,
  Tensor,
  tensor,
  tidy,
} from "./tensor/index.ts";
