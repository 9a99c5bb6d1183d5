export { type AttentionOptions, scaledDotProductAttention } from "./attention/attention.ts";
export { causalSelfAttention } from "./attention/self-attention.ts";
export { expand, sum } from "./broadcast.ts";
export {
  type Conv1dOptions,
  type Conv2dOptions,
  type ConvTranspose2dOptions,
  conv1d,
  conv2d,
  convTranspose2d,
  type Padding2d,
  type Pair,
} from "./convolution/convolution.ts";
export { dropout, dropoutAdd } from "./dropout.ts";
export * from "./elementwise/index.ts";
export { embedding } from "./indexing/embedding.ts";
export { gather, indexSelect, takeAlongAxis } from "./indexing/gather.ts";
export { oneHot } from "./indexing/one-hot.ts";
export { scatter, scatterAdd } from "./indexing/scatter.ts";
export { diagonal } from "./linear-algebra/diagonal.ts";
export { einsum } from "./linear-algebra/einsum.ts";
export { type Activation, activate, type LinearOptions, linear, type WeightLayout } from "./linear-algebra/linear.ts";
export { dot, matmul, outer } from "./linear-algebra/matmul.ts";
export { type CrossEntropyOptions, crossEntropy } from "./losses/cross-entropy.ts";
export { linearCrossEntropy } from "./losses/linear-cross-entropy.ts";
export * from "./losses/losses.ts";
export type { Reduction } from "./losses/reduction.ts";
export { type BatchNormOptions, batchNorm } from "./normalization/batch-norm.ts";
export { groupNorm, instanceNorm } from "./normalization/group-norm.ts";
export { type LayerNormOptions, layerNorm, rmsNorm } from "./normalization/layer-norm.ts";
export { attentionSoftmax, logSoftmax, softmax } from "./normalization/softmax.ts";
export { adaptiveAveragePool2d, averagePool1d, averagePool2d } from "./pooling/average-pool.ts";
export type { AveragePoolOptions, MaxPoolOptions, PoolPadding } from "./pooling/geometry.ts";
export { type InterpolateOptions, interpolate } from "./pooling/interpolate.ts";
export { adaptiveMaxPool2d, maxPool1d, maxPool2d } from "./pooling/max-pool.ts";
export type { AveragePool1dOptions, MaxPool1dOptions } from "./pooling/one-axis.ts";
export * from "./reduction/index.ts";
export { concat, stack } from "./shape/concat.ts";
export { type PadMode, type PadWidths, pad } from "./shape/pad.ts";
export { flip, roll, tile, tril, triu } from "./shape/rearrange.ts";
export { split } from "./shape/split.ts";
export { contiguous, permute, reshape, slice, squeeze, transpose, unsqueeze } from "./shape/views.ts";
export { argsort, type Sorted, type SortOptions, sort, type TopKOptions, topK } from "./sort.ts";
export { type OpName, ops } from "./table.ts";
