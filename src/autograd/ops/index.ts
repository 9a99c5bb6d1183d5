import { attentionOp } from "./attention/attention-op.ts";
import { causalSelfAttentionOp } from "./attention/self-attention.ts";
import { expandOp, sumOp } from "./broadcast.ts";
import { conv2dInputGradientOp, conv2dOp, conv2dWeightGradientOp } from "./convolution/primitives.ts";
import { dropoutAddOp, dropoutOp } from "./dropout.ts";
import { elementwiseOps } from "./elementwise/ops.ts";
import { embeddingGradientOp, embeddingOp } from "./indexing/embedding.ts";
import { gatherGradientOp, gatherOp } from "./indexing/gather.ts";
import { oneHotOp } from "./indexing/one-hot.ts";
import { scatterAddOp, scatterOp } from "./indexing/scatter.ts";
import { diagonalOp, embedDiagonalOp } from "./linear-algebra/diagonal.ts";
import { linearOp } from "./linear-algebra/linear.ts";
import { matmulOp } from "./linear-algebra/matmul.ts";
import { crossEntropyOp } from "./losses/cross-entropy.ts";
import { absoluteErrorOp, binaryErrorOp, divergenceOp, huberErrorOp, squaredErrorOp } from "./losses/element-losses.ts";
import { linearCrossEntropyOp } from "./losses/linear-cross-entropy.ts";
import { batchNormInferenceOp, batchNormOp } from "./normalization/batch-norm.ts";
import { groupNormOp } from "./normalization/group-norm.ts";
import { layerNormOp, rmsNormOp } from "./normalization/layer-norm.ts";
import { attentionSoftmaxOp, logSoftmaxOp, softmaxOp } from "./normalization/softmax.ts";
import { averagePoolGradientOp, averagePoolOp } from "./pooling/average-pool.ts";
import { interpolateGradientOp, interpolateOp } from "./pooling/interpolate.ts";
import { maxPoolGatherOp, maxPoolGradientOp, maxPoolOp } from "./pooling/max-pool.ts";
import { reductionOps } from "./reduction/ops.ts";
import { concatOp } from "./shape/concat.ts";
import { padGradientOp, padOp } from "./shape/pad.ts";
import { flipOp, rollOp, tileOp, trilOp, triuOp } from "./shape/rearrange.ts";
import { contiguousOp, padAxisOp, permuteOp, reshapeOp, sliceOp } from "./shape/views.ts";
import { argsortOp } from "./sort.ts";

/** Every primitive op by name. Tests hold an f64 reference for each; an op without one does not compile. */
export const ops = {
  ...elementwiseOps,
  sum: sumOp,
  ...reductionOps,
  argsort: argsortOp,
  expand: expandOp,
  reshape: reshapeOp,
  permute: permuteOp,
  slice: sliceOp,
  padAxis: padAxisOp,
  pad: padOp,
  padGradient: padGradientOp,
  concat: concatOp,
  flip: flipOp,
  roll: rollOp,
  tile: tileOp,
  tril: trilOp,
  triu: triuOp,
  contiguous: contiguousOp,
  matmul: matmulOp,
  linear: linearOp,
  diagonal: diagonalOp,
  embedDiagonal: embedDiagonalOp,
  batchNorm: batchNormOp,
  batchNormInference: batchNormInferenceOp,
  groupNorm: groupNormOp,
  layerNorm: layerNormOp,
  rmsNorm: rmsNormOp,
  softmax: softmaxOp,
  logSoftmax: logSoftmaxOp,
  attentionSoftmax: attentionSoftmaxOp,
  causalSelfAttention: causalSelfAttentionOp,
  scaledDotProductAttention: attentionOp,
  embedding: embeddingOp,
  embeddingGradient: embeddingGradientOp,
  gather: gatherOp,
  gatherGradient: gatherGradientOp,
  scatter: scatterOp,
  scatterAdd: scatterAddOp,
  oneHot: oneHotOp,
  crossEntropy: crossEntropyOp,
  linearCrossEntropy: linearCrossEntropyOp,
  squaredError: squaredErrorOp,
  absoluteError: absoluteErrorOp,
  huberError: huberErrorOp,
  binaryError: binaryErrorOp,
  divergence: divergenceOp,
  dropout: dropoutOp,
  dropoutAdd: dropoutAddOp,
  conv2d: conv2dOp,
  conv2dInputGradient: conv2dInputGradientOp,
  conv2dWeightGradient: conv2dWeightGradientOp,
  maxPool: maxPoolOp,
  maxPoolGather: maxPoolGatherOp,
  maxPoolGradient: maxPoolGradientOp,
  averagePool: averagePoolOp,
  averagePoolGradient: averagePoolGradientOp,
  interpolate: interpolateOp,
  interpolateGradient: interpolateGradientOp,
} as const;

export type OpName = keyof typeof ops;

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
