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
import { absoluteErrorOp, binaryErrorOp, divergenceOp, huberErrorOp } from "./losses/element-losses.ts";
import { linearCrossEntropyOp } from "./losses/linear-cross-entropy.ts";
import { squaredErrorOp } from "./losses/squared-error.ts";
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

// A call that is marked pure: bundlers drop it, and with it the ops that are not used otherwise, where nobody asks for `ops`.
const everyOp = () =>
  ({
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
  }) as const;

/** Every primitive op by name. Tests hold an f64 reference and samples for each; an op without them does not compile. */
export const ops = /* @__PURE__ */ everyOp();

/** Names of all ops. */
export type OpName = keyof typeof ops;
