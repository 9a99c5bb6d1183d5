import type { OpName } from "../../src/autograd/index.ts";
import type { SamplesOf } from "./sample.ts";

/** Losses and dropout. */
export const lossSamples = {
  crossEntropy: [
    {
      inputs: [
        { shape: [5, 7], low: -3, high: 3 },
        { shape: [5], dtype: "i32", low: 0, high: 7 },
      ],
      attributes: { ignoreIndex: -100, labelSmoothing: 0, reduction: "none" },
    },
    {
      inputs: [
        { shape: [65, 3], low: -3, high: 3 },
        { shape: [65], dtype: "i32", low: 0, high: 3 },
      ],
      attributes: { ignoreIndex: 1, labelSmoothing: 0, reduction: "mean" },
    },
    {
      inputs: [
        { shape: [2, 4, 3, 2], low: -3, high: 3 },
        { shape: [2, 3, 2], dtype: "i32", low: 0, high: 4 },
      ],
      attributes: { ignoreIndex: 2, labelSmoothing: 0.2, reduction: "mean" },
    },
    {
      inputs: [
        { shape: [6], low: -3, high: 3 },
        { shape: [], dtype: "i32", low: 0, high: 6 },
      ],
      attributes: { ignoreIndex: -100, labelSmoothing: 0.1, reduction: "sum" },
    },
  ],
  linearCrossEntropy: [
    {
      inputs: [{ shape: [5, 8] }, { shape: [11, 8] }, { shape: [5], dtype: "i32", low: 0, high: 11 }],
      attributes: { ignoreIndex: -100, reduction: "mean" },
    },
    {
      inputs: [{ shape: [9, 5] }, { shape: [130, 5] }, { shape: [9], dtype: "i32", low: 0, high: 4 }],
      attributes: { ignoreIndex: 2, reduction: "none" },
    },
  ],
  squaredError: [
    { inputs: [{ shape: [65] }, { shape: [65] }], attributes: {} },
    { inputs: [{ shape: [2, 3, 2] }, { shape: [3, 1] }], attributes: {} },
    { inputs: [{ shape: [0] }, { shape: [0] }], attributes: {} },
  ],
  absoluteError: [
    { inputs: [{ shape: [65] }, { shape: [65], low: 3, high: 4 }], attributes: {} },
    { inputs: [{ shape: [2, 3, 2] }, { shape: [3, 1], low: 3, high: 4 }], attributes: {} },
    { inputs: [{ shape: [0] }, { shape: [0], low: 3, high: 4 }], attributes: {} },
  ],
  huberError: [
    { inputs: [{ shape: [65] }, { shape: [65] }], attributes: { delta: 5 } },
    { inputs: [{ shape: [2, 3, 2] }, { shape: [3, 1] }], attributes: { delta: 5 } },
    { inputs: [{ shape: [0] }, { shape: [0] }], attributes: { delta: 5 } },
    { inputs: [{ shape: [65] }, { shape: [65], low: 3, high: 4 }], attributes: { delta: 0.5 } },
    { inputs: [{ shape: [2, 3, 2] }, { shape: [3, 1], low: 3, high: 4 }], attributes: { delta: 0.5 } },
  ],
  binaryError: [
    { inputs: [{ shape: [65] }, { shape: [65], low: 0, high: 1 }], attributes: {} },
    { inputs: [{ shape: [2, 3, 2] }, { shape: [3, 1], low: 0, high: 1 }], attributes: {} },
    { inputs: [{ shape: [0] }, { shape: [0], low: 0, high: 1 }], attributes: {} },
    {
      inputs: [{ shape: [4, 3] }, { shape: [4, 3], low: 0, high: 1 }, { shape: [3], low: 0.5, high: 3 }],
      attributes: {},
    },
  ],
  divergence: [
    { inputs: [{ shape: [65] }, { shape: [65], low: 0.1, high: 1 }], attributes: { logTarget: false } },
    { inputs: [{ shape: [2, 3, 2] }, { shape: [3, 1], low: 0.1, high: 1 }], attributes: { logTarget: false } },
    { inputs: [{ shape: [65] }, { shape: [65], low: -2, high: 0 }], attributes: { logTarget: true } },
    { inputs: [{ shape: [2, 3, 2] }, { shape: [3, 1], low: -2, high: 0 }], attributes: { logTarget: true } },
  ],
  dropout: [
    { inputs: [{ shape: [7, 9] }], attributes: { p: 0.3, seed: 42 } },
    { inputs: [{ shape: [65] }], attributes: { p: 0, seed: 1 } },
  ],
  dropoutAdd: [
    { inputs: [{ shape: [7, 9] }, { shape: [7, 9] }], attributes: { p: 0.3, seed: 42 } },
    { inputs: [{ shape: [65] }, { shape: [65] }], attributes: { p: 0, seed: 1 } },
  ],
} satisfies Partial<SamplesOf<OpName>>;
