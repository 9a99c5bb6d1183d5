import type { OpName } from "../../src/autograd/index.ts";
import type { SamplesOf } from "./sample.ts";

/** Rows by number. */
export const indexingSamples = {
  embedding: [
    { inputs: [{ shape: [7, 3] }, { shape: [2, 5], dtype: "i32", low: -7, high: 7 }], attributes: {} },
    { inputs: [{ shape: [3, 65] }, { shape: [70], dtype: "i32", low: 0, high: 3 }], attributes: {} },
  ],
  embeddingGradient: [
    { inputs: [{ shape: [9, 3] }, { shape: [9], dtype: "i32", low: 0, high: 4 }], attributes: { rows: 5 } },
    {
      inputs: [{ shape: [3, 3, 2] }, { shape: [3, 3], dtype: "u32", low: 0, high: 4 }],
      attributes: { rows: 4, paddingIndex: 1 },
    },
  ],
  gather: [
    { inputs: [{ shape: [4, 6] }, { shape: [3, 9], dtype: "i32", low: -6, high: 6 }], attributes: { axis: 1 } },
    { inputs: [{ shape: [5, 3, 2] }, { shape: [65, 3, 1], dtype: "u32", low: 0, high: 7 }], attributes: { axis: -3 } },
    { inputs: [{ shape: [4, 2] }, { shape: [4, 0], dtype: "i32" }], attributes: { axis: 1 } },
  ],
  gatherGradient: [
    {
      inputs: [{ shape: [2, 7] }, { shape: [2, 7], dtype: "i32", low: -3, high: 3 }],
      attributes: { axis: 1, shape: [3, 5] },
    },
  ],
  scatter: [
    {
      inputs: [{ shape: [4, 5] }, { shape: [3, 9], dtype: "i32", low: -5, high: 5 }, { shape: [3, 9] }],
      attributes: { axis: 1 },
    },
    {
      inputs: [{ shape: [70, 2] }, { shape: [65, 2], dtype: "u32", low: 0, high: 70 }, { shape: [65, 2] }],
      attributes: { axis: 0 },
    },
  ],
  scatterAdd: [
    {
      inputs: [{ shape: [4, 5] }, { shape: [3, 9], dtype: "i32", low: -5, high: 5 }, { shape: [3, 9] }],
      attributes: { axis: 1 },
    },
    {
      inputs: [{ shape: [3, 5] }, { shape: [65, 2], dtype: "u32", low: 0, high: 4 }, { shape: [65, 2] }],
      attributes: { axis: 0 },
    },
    { inputs: [{ shape: [3] }, { shape: [0], dtype: "i32" }, { shape: [0] }], attributes: { axis: 0 } },
  ],
  oneHot: [
    { inputs: [{ shape: [7], dtype: "i32", low: -1, high: 4 }], attributes: { classes: 4 } },
    { inputs: [{ shape: [2, 3], dtype: "u32", low: 0, high: 66 }], attributes: { classes: 65 } },
  ],
} satisfies Partial<SamplesOf<OpName>>;
