import type { OpName } from "../../src/autograd/index.ts";

export interface Tolerance {
  /** Error of a value over its own magnitude, or over the largest of the tensor. */
  value: number;
  relativeTo: "itself" | "largest";
  /** Error of a gradient over the largest of its tensor. */
  gradient: number;
}

/** Copies and comparisons: no rounding at all, and gradients that are moved or summed. */
const EXACT: Tolerance = { value: 0, relativeTo: "itself", gradient: 2e-6 };
/** One or two roundings of 2^-24 = 6e-8. */
const ROUNDED: Tolerance = { value: 1.5e-7, relativeTo: "itself", gradient: 2e-6 };
/** Sums of at most some hundred terms, rounded at each. */
const LINEAR: Tolerance = { value: 2e-6, relativeTo: "largest", gradient: 2e-6 };
/** Quotients and roots, which WGSL wants within 2.5 units in the last place. */
const QUOTIENT: Tolerance = { value: 6e-7, relativeTo: "itself", gradient: 3e-6 };
/** Exponentials and logarithms: WGSL allows 3 + 2|x| units, and an absolute error of 2^-21 for a logarithm near 1. */
const TRANSCENDENTAL: Tolerance = { value: 1e-5, relativeTo: "largest", gradient: 1e-5 };

export interface Traits {
  tolerance: Tolerance;
  /** Whether f16 inputs are computed with; other ops must refuse them by name. */
  half: boolean;
}

/** How each op is compared with its reference. */
export const traits: Record<OpName, Traits> = {
  add: { tolerance: ROUNDED, half: true },
  sub: { tolerance: ROUNDED, half: true },
  mul: { tolerance: ROUNDED, half: true },
  div: { tolerance: QUOTIENT, half: true },
  affine: { tolerance: LINEAR, half: true },
  pow: { tolerance: QUOTIENT, half: true },
  maximum: { tolerance: EXACT, half: true },
  minimum: { tolerance: EXACT, half: true },
  neg: { tolerance: EXACT, half: true },
  abs: { tolerance: EXACT, half: true },
  sign: { tolerance: EXACT, half: true },
  square: { tolerance: ROUNDED, half: true },
  sqrt: { tolerance: QUOTIENT, half: true },
  rsqrt: { tolerance: QUOTIENT, half: true },
  reciprocal: { tolerance: QUOTIENT, half: true },
  exp: { tolerance: QUOTIENT, half: true },
  expm1: { tolerance: QUOTIENT, half: true },
  log: { tolerance: QUOTIENT, half: true },
  log1p: { tolerance: QUOTIENT, half: true },
  sin: { tolerance: QUOTIENT, half: true },
  cos: { tolerance: QUOTIENT, half: true },
  tanh: { tolerance: QUOTIENT, half: true },
  sigmoid: { tolerance: QUOTIENT, half: true },
  relu: { tolerance: EXACT, half: true },
  erf: { tolerance: QUOTIENT, half: true },
  leakyRelu: { tolerance: ROUNDED, half: true },
  elu: { tolerance: QUOTIENT, half: true },
  silu: { tolerance: QUOTIENT, half: true },
  softplus: { tolerance: QUOTIENT, half: true },
  gelu: { tolerance: QUOTIENT, half: true },
  clamp: { tolerance: EXACT, half: true },
  floor: { tolerance: EXACT, half: true },
  ceil: { tolerance: EXACT, half: true },
  round: { tolerance: EXACT, half: true },
  equal: { tolerance: EXACT, half: true },
  notEqual: { tolerance: EXACT, half: true },
  less: { tolerance: EXACT, half: true },
  lessEqual: { tolerance: EXACT, half: true },
  greater: { tolerance: EXACT, half: true },
  greaterEqual: { tolerance: EXACT, half: true },
  logicalAnd: { tolerance: EXACT, half: true },
  logicalOr: { tolerance: EXACT, half: true },
  logicalXor: { tolerance: EXACT, half: true },
  logicalNot: { tolerance: EXACT, half: true },
  where: { tolerance: EXACT, half: true },
  isNaN: { tolerance: EXACT, half: true },
  isFinite: { tolerance: EXACT, half: true },
  isInfinite: { tolerance: EXACT, half: true },
  cast: { tolerance: EXACT, half: true },
  sum: { tolerance: LINEAR, half: true },
  mean: { tolerance: LINEAR, half: true },
  prod: { tolerance: LINEAR, half: true },
  max: { tolerance: EXACT, half: true },
  min: { tolerance: EXACT, half: true },
  any: { tolerance: EXACT, half: true },
  all: { tolerance: EXACT, half: true },
  argmax: { tolerance: EXACT, half: true },
  argmin: { tolerance: EXACT, half: true },
  variance: { tolerance: LINEAR, half: true },
  std: { tolerance: LINEAR, half: true },
  logsumexp: { tolerance: TRANSCENDENTAL, half: true },
  norm: { tolerance: { ...QUOTIENT, value: 2e-6 }, half: true },
  argsort: { tolerance: EXACT, half: true },
  cumsum: { tolerance: LINEAR, half: true },
  expand: { tolerance: EXACT, half: true },
  reshape: { tolerance: EXACT, half: true },
  permute: { tolerance: EXACT, half: true },
  slice: { tolerance: EXACT, half: true },
  padAxis: { tolerance: EXACT, half: true },
  pad: { tolerance: EXACT, half: true },
  padGradient: { tolerance: LINEAR, half: true },
  concat: { tolerance: EXACT, half: true },
  flip: { tolerance: EXACT, half: true },
  roll: { tolerance: EXACT, half: true },
  tile: { tolerance: EXACT, half: true },
  tril: { tolerance: EXACT, half: true },
  triu: { tolerance: EXACT, half: true },
  contiguous: { tolerance: EXACT, half: true },
  matmul: { tolerance: LINEAR, half: true },
  linear: { tolerance: LINEAR, half: true },
  diagonal: { tolerance: EXACT, half: true },
  embedDiagonal: { tolerance: EXACT, half: true },
  batchNorm: { tolerance: TRANSCENDENTAL, half: false },
  batchNormInference: { tolerance: TRANSCENDENTAL, half: false },
  groupNorm: { tolerance: TRANSCENDENTAL, half: false },
  rmsNorm: { tolerance: TRANSCENDENTAL, half: false },
  layerNorm: { tolerance: TRANSCENDENTAL, half: false },
  softmax: { tolerance: TRANSCENDENTAL, half: false },
  logSoftmax: { tolerance: TRANSCENDENTAL, half: false },
  attentionSoftmax: { tolerance: TRANSCENDENTAL, half: false },
  scaledDotProductAttention: { tolerance: TRANSCENDENTAL, half: false },
  causalSelfAttention: { tolerance: TRANSCENDENTAL, half: false },
  embedding: { tolerance: EXACT, half: true },
  embeddingGradient: { tolerance: LINEAR, half: true },
  gather: { tolerance: EXACT, half: true },
  gatherGradient: { tolerance: LINEAR, half: true },
  scatter: { tolerance: EXACT, half: true },
  scatterAdd: { tolerance: LINEAR, half: true },
  oneHot: { tolerance: EXACT, half: false },
  crossEntropy: { tolerance: TRANSCENDENTAL, half: false },
  linearCrossEntropy: { tolerance: TRANSCENDENTAL, half: false },
  squaredError: { tolerance: LINEAR, half: false },
  absoluteError: { tolerance: ROUNDED, half: false },
  huberError: { tolerance: LINEAR, half: false },
  binaryError: { tolerance: LINEAR, half: false },
  divergence: { tolerance: LINEAR, half: false },
  dropout: { tolerance: ROUNDED, half: false },
  dropoutAdd: { tolerance: LINEAR, half: false },
  conv2d: { tolerance: LINEAR, half: false },
  conv2dInputGradient: { tolerance: LINEAR, half: false },
  conv2dWeightGradient: { tolerance: LINEAR, half: false },
  maxPool: { tolerance: EXACT, half: false },
  maxPoolGather: { tolerance: EXACT, half: false },
  maxPoolGradient: { tolerance: LINEAR, half: false },
  averagePool: { tolerance: LINEAR, half: false },
  averagePoolGradient: { tolerance: LINEAR, half: false },
  interpolate: { tolerance: LINEAR, half: false },
  interpolateGradient: { tolerance: LINEAR, half: false },
};
