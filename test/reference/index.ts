import type { OpName, ops } from "../../src/autograd/index.ts";
import { batchNorm, batchNormInference, groupNorm } from "./channel-norm.ts";
import { conv2d, conv2dInputGradient, conv2dWeightGradient } from "./convolution.ts";
import { diagonal, embedDiagonal } from "./diagonal.ts";
import * as elementLosses from "./element-losses.ts";
import * as elementwise from "./elementwise.ts";
import { gather, gatherGradient, scatter, scatterAdd } from "./indexing.ts";
import { interpolate, interpolateGradient } from "./interpolate.ts";
import { embedding, embeddingGradient, oneHot } from "./lookup.ts";
import { crossEntropy, linearCrossEntropy } from "./loss.ts";
import { linear, matmul } from "./matmul.ts";
import type { Reference } from "./nd-array.ts";
import {
  attentionSoftmax,
  causalSelfAttention,
  layerNorm,
  logSoftmax,
  rmsNorm,
  scaledDotProductAttention,
  softmax,
} from "./normalization.ts";
import * as pooling from "./pooling.ts";
import { dropout, dropoutAdd } from "./random.ts";
import { concat, flip, pad, padGradient, roll, tile, tril, triu } from "./rearrange.ts";
import * as reduction from "./reduction.ts";
import { contiguous, expand, padAxis, permute, reshape, slice } from "./shape.ts";

type AttributesOf<Name extends OpName> = Parameters<(typeof ops)[Name]>[1];

/** What every op computes, in double precision. An op without a reference does not compile. */
export const references: { [Name in OpName]: Reference<AttributesOf<Name>> } = {
  ...elementwise,
  ...reduction,
  expand,
  reshape,
  permute,
  slice,
  padAxis,
  pad,
  padGradient,
  concat,
  flip,
  roll,
  tile,
  tril,
  triu,
  contiguous,
  matmul,
  linear,
  diagonal,
  embedDiagonal,
  batchNorm,
  batchNormInference,
  groupNorm,
  layerNorm,
  rmsNorm,
  softmax,
  logSoftmax,
  attentionSoftmax,
  causalSelfAttention,
  scaledDotProductAttention,
  embedding,
  embeddingGradient,
  gather,
  gatherGradient,
  scatter,
  scatterAdd,
  oneHot,
  crossEntropy,
  linearCrossEntropy,
  ...elementLosses,
  dropout,
  dropoutAdd,
  conv2d,
  conv2dInputGradient,
  conv2dWeightGradient,
  ...pooling,
  interpolate,
  interpolateGradient,
};
