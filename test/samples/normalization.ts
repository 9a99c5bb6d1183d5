import type { OpName } from "../../src/autograd/index.ts";
import type { SamplesOf } from "./sample.ts";

/** Rows, channels and groups; softmax and attention. */
export const normalizationSamples = {
  batchNorm: [
    {
      inputs: [{ shape: [3, 4, 5, 5] }, { shape: [4] }, { shape: [4] }],
      attributes: { weight: true, bias: true, epsilon: 1e-5, momentum: 0.1 },
    },
    {
      inputs: [{ shape: [65, 3] }, { shape: [3] }],
      attributes: { weight: false, bias: true, epsilon: 1e-3, momentum: 0.1 },
    },
    { inputs: [{ shape: [2, 3, 4] }], attributes: { weight: false, bias: false, epsilon: 1e-5, momentum: 0.1 } },
  ],
  batchNormInference: [
    {
      inputs: [
        { shape: [2, 3, 3, 5] },
        { shape: [3] },
        { shape: [3], low: 0.5, high: 2 },
        { shape: [3] },
        { shape: [3] },
      ],
      attributes: { weight: true, bias: true, epsilon: 1e-5 },
    },
    {
      inputs: [{ shape: [17, 5] }, { shape: [5] }, { shape: [5], low: 0.5, high: 2 }],
      attributes: { weight: false, bias: false, epsilon: 1e-3 },
    },
    {
      inputs: [{ shape: [0, 4, 2] }, { shape: [4] }, { shape: [4], low: 0.5, high: 2 }, { shape: [4] }],
      attributes: { weight: true, bias: false, epsilon: 1e-5 },
    },
  ],
  groupNorm: [
    {
      inputs: [{ shape: [2, 6, 3, 5] }, { shape: [6] }, { shape: [6] }],
      attributes: { groups: 3, weight: true, bias: true, epsilon: 1e-5 },
    },
    {
      inputs: [{ shape: [3, 8] }, { shape: [8] }],
      attributes: { groups: 2, weight: false, bias: true, epsilon: 1e-3 },
    },
    {
      inputs: [{ shape: [2, 3, 65] }, { shape: [3] }],
      attributes: { groups: 3, weight: true, bias: false, epsilon: 1e-5 },
    },
  ],
  layerNorm: [
    {
      inputs: [{ shape: [3, 8] }, { shape: [8] }, { shape: [8] }],
      attributes: { epsilon: 1e-5, weight: true, bias: true },
    },
    { inputs: [{ shape: [2, 5, 65] }, { shape: [65] }], attributes: { epsilon: 1e-5, weight: true, bias: false } },
    { inputs: [{ shape: [130, 4] }, { shape: [4] }], attributes: { epsilon: 1e-3, weight: false, bias: true } },
    { inputs: [{ shape: [0, 4] }, { shape: [4] }], attributes: { epsilon: 1e-5, weight: true, bias: false } },
  ],
  rmsNorm: [
    { inputs: [{ shape: [2, 3, 65] }, { shape: [65] }], attributes: { epsilon: 1e-6, weight: true, bias: false } },
    { inputs: [{ shape: [5, 7] }], attributes: { epsilon: 0.01, weight: false, bias: false } },
  ],
  softmax: [
    { inputs: [{ shape: [3, 5], low: -4, high: 4 }], attributes: { axis: -1 } },
    { inputs: [{ shape: [2, 3, 65], low: -4, high: 4 }], attributes: { axis: -1 } },
    { inputs: [{ shape: [2, 7, 3], low: -4, high: 4 }], attributes: { axis: 1 } },
    { inputs: [{ shape: [17, 1], low: -4, high: 4 }], attributes: { axis: 1 } },
  ],
  logSoftmax: [
    { inputs: [{ shape: [3, 5], low: -4, high: 4 }], attributes: { axis: -1 } },
    { inputs: [{ shape: [2, 3, 65], low: -4, high: 4 }], attributes: { axis: -1 } },
    { inputs: [{ shape: [2, 7, 3], low: -4, high: 4 }], attributes: { axis: 1 } },
    { inputs: [{ shape: [17, 1], low: -4, high: 4 }], attributes: { axis: 1 } },
  ],
  attentionSoftmax: [
    { inputs: [{ shape: [2, 3, 5, 5], low: -3, high: 3 }], attributes: { reach: 1 } },
    { inputs: [{ shape: [2, 1, 2, 7], low: -3, high: 3 }], attributes: { reach: 6 } },
    {
      inputs: [
        { shape: [3, 2, 4, 4], low: -3, high: 3 },
        { shape: [3, 1, 1, 4], dtype: "i32", low: 0, high: 2 },
      ],
      attributes: { reach: 1 },
    },
    {
      inputs: [
        { shape: [2, 2, 3, 65], low: -3, high: 3 },
        { shape: [3, 65], low: -1, high: 1 },
        { shape: [2, 1, 3, 65], dtype: "i32", low: 0, high: 2 },
      ],
      attributes: {},
    },
    {
      inputs: [
        { shape: [5, 3], low: -3, high: 3 },
        { shape: [1, 3], low: -1, high: 1 },
      ],
      attributes: {},
    },
  ],
  causalSelfAttention: [
    { inputs: [{ shape: [2, 5, 24] }], attributes: { heads: 2, scale: 0.5 } },
    { inputs: [{ shape: [1, 1, 9] }], attributes: { heads: 3, scale: 1 } },
    {
      inputs: [{ shape: [3, 7, 15] }, { shape: [3, 7], dtype: "i32", low: 0, high: 2 }],
      attributes: { heads: 1, scale: 0.4 },
    },
    { inputs: [{ shape: [2, 5, 24] }], attributes: { heads: 2, scale: 0.5, dropout: { p: 0.3, seed: 42 } } },
  ],
  scaledDotProductAttention: [
    { inputs: [{ shape: [2, 3, 5, 8] }, { shape: [2, 3, 7, 8] }, { shape: [2, 3, 7, 4] }], attributes: { scale: 0.4 } },
    {
      inputs: [{ shape: [2, 4, 5, 8] }, { shape: [2, 1, 35, 8] }, { shape: [1, 35, 4] }],
      attributes: { scale: 0.3, reach: 31 },
    },
    {
      inputs: [
        { shape: [4, 6, 5] },
        { shape: [2, 6, 5] },
        { shape: [2, 6, 7] },
        { shape: [6, 6], dtype: "bool", low: 0, high: 2 },
        { shape: [4, 1, 6], low: -1, high: 1 },
      ],
      attributes: { scale: 0.5, reach: 1 },
    },
  ],
} satisfies Partial<SamplesOf<OpName>>;
