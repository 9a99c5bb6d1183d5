import type { OpName } from "../../src/autograd/index.ts";
import type { SamplesOf } from "./sample.ts";

/** Along everything, one axis longer than a workgroup, several axes, several stages; sorts. */
export const reductionSamples = {
  sum: [
    { inputs: [{ shape: [3, 5], low: -2, high: 2 }], attributes: {} },
    { inputs: [{ shape: [2, 65, 3], low: -2, high: 2 }], attributes: { axes: [1] } },
    { inputs: [{ shape: [4, 3, 2], low: -2, high: 2 }], attributes: { axes: [0, -1], keepDimensions: true } },
    { inputs: [{ shape: [777], low: -2, high: 2 }], attributes: { axes: [0] } },
    { inputs: [{ shape: [0, 3] }], attributes: { axes: [0] } },
    { inputs: [{ shape: [5, 3], dtype: "bool", low: 0, high: 2 }], attributes: { axes: [0] } },
  ],
  mean: [
    { inputs: [{ shape: [3, 5], low: -2, high: 2 }], attributes: {} },
    { inputs: [{ shape: [2, 65, 3], low: -2, high: 2 }], attributes: { axes: [1] } },
    { inputs: [{ shape: [4, 3, 2], low: -2, high: 2 }], attributes: { axes: [0, -1], keepDimensions: true } },
    { inputs: [{ shape: [777], low: -2, high: 2 }], attributes: { axes: [0] } },
  ],
  prod: [
    { inputs: [{ shape: [3, 5], low: 0.7, high: 1.3 }], attributes: {} },
    { inputs: [{ shape: [2, 65, 3], low: 0.7, high: 1.3 }], attributes: { axes: [1] } },
    { inputs: [{ shape: [4, 3, 2], low: 0.7, high: 1.3 }], attributes: { axes: [0, -1], keepDimensions: true } },
    { inputs: [{ shape: [0, 3] }], attributes: { axes: [0] } },
    { inputs: [{ shape: [5, 3], dtype: "i32", low: -3, high: 4 }], attributes: { axes: [0] } },
  ],
  max: [
    { inputs: [{ shape: [3, 5], low: -16, high: 16 }], attributes: {} },
    { inputs: [{ shape: [2, 65, 3], low: -16, high: 16 }], attributes: { axes: [1] } },
    { inputs: [{ shape: [4, 3, 2], low: -16, high: 16 }], attributes: { axes: [0, -1], keepDimensions: true } },
    { inputs: [{ shape: [777], low: -16, high: 16 }], attributes: { axes: [0] } },
    { inputs: [{ shape: [3, 7], dtype: "i32", low: -9, high: 9 }], attributes: { axes: [1] } },
  ],
  min: [
    { inputs: [{ shape: [3, 5], low: -16, high: 16 }], attributes: {} },
    { inputs: [{ shape: [2, 65, 3], low: -16, high: 16 }], attributes: { axes: [1] } },
    { inputs: [{ shape: [4, 3, 2], low: -16, high: 16 }], attributes: { axes: [0, -1], keepDimensions: true } },
    { inputs: [{ shape: [777], low: -16, high: 16 }], attributes: { axes: [0] } },
    { inputs: [{ shape: [3, 7], dtype: "i32", low: -9, high: 9 }], attributes: { axes: [1] } },
  ],
  any: [
    { inputs: [{ shape: [5, 2, 3], dtype: "bool", low: 0, high: 2 }], attributes: { axes: [1] } },
    { inputs: [{ shape: [65, 2], dtype: "i32", low: -1, high: 2 }], attributes: { axes: [0], keepDimensions: true } },
    { inputs: [{ shape: [3, 4] }], attributes: {} },
    { inputs: [{ shape: [2, 0] }], attributes: { axes: [1] } },
  ],
  all: [
    { inputs: [{ shape: [5, 2, 3], dtype: "bool", low: 0, high: 2 }], attributes: { axes: [1] } },
    { inputs: [{ shape: [65, 2], dtype: "i32", low: -1, high: 2 }], attributes: { axes: [0], keepDimensions: true } },
    { inputs: [{ shape: [3, 4] }], attributes: {} },
    { inputs: [{ shape: [2, 0] }], attributes: { axes: [1] } },
  ],
  argmax: [
    { inputs: [{ shape: [3, 5] }], attributes: {} },
    { inputs: [{ shape: [2, 65, 3], dtype: "i32", low: 0, high: 20 }], attributes: { axis: 1 } },
    { inputs: [{ shape: [4, 3] }], attributes: { axis: -1, keepDimensions: true } },
    { inputs: [{ shape: [777], dtype: "i32", low: -4, high: 4 }], attributes: { axis: 0 } },
  ],
  argmin: [
    { inputs: [{ shape: [3, 5] }], attributes: {} },
    { inputs: [{ shape: [2, 65, 3], dtype: "i32", low: 0, high: 20 }], attributes: { axis: 1 } },
    { inputs: [{ shape: [4, 3] }], attributes: { axis: -1, keepDimensions: true } },
    { inputs: [{ shape: [777], dtype: "i32", low: -4, high: 4 }], attributes: { axis: 0 } },
  ],
  variance: [
    { inputs: [{ shape: [3, 5], low: -2, high: 2 }], attributes: { correction: 0 } },
    { inputs: [{ shape: [2, 65, 3], low: -2, high: 2 }], attributes: { axes: [1], correction: 1 } },
    {
      inputs: [{ shape: [4, 3, 2], low: -2, high: 2 }],
      attributes: { axes: [0, -1], keepDimensions: true, correction: 0 },
    },
    { inputs: [{ shape: [777], low: -2, high: 2 }], attributes: { axes: [0], correction: 1 } },
  ],
  std: [
    { inputs: [{ shape: [3, 5], low: -2, high: 2 }], attributes: { correction: 0 } },
    { inputs: [{ shape: [2, 65, 3], low: -2, high: 2 }], attributes: { axes: [1], correction: 1 } },
    {
      inputs: [{ shape: [4, 3, 2], low: -2, high: 2 }],
      attributes: { axes: [0, -1], keepDimensions: true, correction: 0 },
    },
    { inputs: [{ shape: [777], low: -2, high: 2 }], attributes: { axes: [0], correction: 1 } },
  ],
  logsumexp: [
    { inputs: [{ shape: [3, 5], low: -2, high: 2 }], attributes: {} },
    { inputs: [{ shape: [2, 65, 3], low: -2, high: 2 }], attributes: { axes: [1] } },
    { inputs: [{ shape: [4, 3, 2], low: -2, high: 2 }], attributes: { axes: [0, -1], keepDimensions: true } },
    { inputs: [{ shape: [777], low: -2, high: 2 }], attributes: { axes: [0] } },
  ],
  norm: [
    { inputs: [{ shape: [2, 65, 3] }], attributes: { order: 2, axes: [1] } },
    { inputs: [{ shape: [4, 3, 2] }], attributes: { order: 1, axes: [0, -1], keepDimensions: true } },
    { inputs: [{ shape: [3, 5], low: -16, high: 16 }], attributes: { order: Number.POSITIVE_INFINITY } },
    { inputs: [{ shape: [3, 5], low: -16, high: 16 }], attributes: { order: Number.NEGATIVE_INFINITY, axes: [0] } },
    { inputs: [{ shape: [3, 5] }], attributes: { order: 0, axes: [1] } },
    { inputs: [{ shape: [3, 5], low: 0.3, high: 2 }], attributes: { order: 3, axes: [1] } },
    { inputs: [{ shape: [3, 5], low: 0.3, high: 2 }], attributes: { order: -0.5 } },
  ],
  cumsum: [
    { inputs: [{ shape: [3, 65] }], attributes: { axis: 1 } },
    { inputs: [{ shape: [257, 2] }], attributes: { axis: 0, exclusive: true } },
    { inputs: [{ shape: [2, 5, 3] }], attributes: { axis: -2, exclusive: true, reverse: true } },
    { inputs: [{ shape: [4, 6], dtype: "i32", low: -9, high: 9 }], attributes: { axis: 0, reverse: true } },
  ],
  argsort: [
    { inputs: [{ shape: [3, 65], dtype: "i32", low: -5, high: 5 }], attributes: { axis: -1, descending: false } },
    { inputs: [{ shape: [257, 2] }], attributes: { axis: 0, descending: true } },
    {
      inputs: [{ shape: [2, 300, 2], dtype: "i32", low: 0, high: 40 }],
      attributes: { axis: 1, descending: true, keep: 7 },
    },
    { inputs: [{ shape: [], dtype: "u32", low: 0, high: 9 }], attributes: { axis: 0, descending: false } },
  ],
} satisfies Partial<SamplesOf<OpName>>;
