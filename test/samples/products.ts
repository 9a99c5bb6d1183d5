import type { OpName } from "../../src/autograd/index.ts";
import type { SamplesOf } from "./sample.ts";

/** Products of matrices, their diagonals, and convolutions. */
export const productSamples = {
  matmul: [
    { inputs: [{ shape: [3, 4] }, { shape: [4, 5] }], attributes: { scale: 0.5 } },
    { inputs: [{ shape: [1, 1] }, { shape: [1, 1] }], attributes: { scale: 1 } },
    { inputs: [{ shape: [65, 7] }, { shape: [7, 33] }], attributes: { scale: 1 } },
    { inputs: [{ shape: [2, 1, 5, 8] }, { shape: [3, 8, 4] }], attributes: { scale: 1 } },
    { inputs: [{ shape: [2, 3, 6] }, { shape: [6, 5] }], attributes: { scale: 1 } },
    { inputs: [{ shape: [7] }, { shape: [7] }], attributes: { scale: 1 } },
    { inputs: [{ shape: [5] }, { shape: [2, 5, 3] }], attributes: { scale: 1 } },
    { inputs: [{ shape: [4, 0] }, { shape: [0] }], attributes: { scale: 1 } },
  ],
  linear: [
    { inputs: [{ shape: [2, 3, 8] }, { shape: [8, 5] }, { shape: [5] }], attributes: { layout: "in-out" } },
    { inputs: [{ shape: [65, 12] }, { shape: [4, 12] }, { shape: [4] }], attributes: { layout: "out-in" } },
    { inputs: [{ shape: [3, 7] }, { shape: [2, 7] }], attributes: { layout: "out-in" } },
    {
      inputs: [{ shape: [3, 5] }, { shape: [5, 4] }, { shape: [4], low: 0.1, high: 0.3 }],
      attributes: { layout: "in-out", activation: "relu" },
    },
    { inputs: [{ shape: [3, 5] }, { shape: [5, 4] }], attributes: { layout: "in-out", activation: "gelu" } },
    {
      inputs: [{ shape: [3, 5] }, { shape: [5, 4] }, { shape: [4], low: 0.1, high: 0.3 }],
      attributes: { layout: "in-out", activation: "gelu-tanh" },
    },
    { inputs: [{ shape: [3, 5] }, { shape: [5, 4] }], attributes: { layout: "in-out", activation: "silu" } },
    {
      inputs: [{ shape: [3, 5] }, { shape: [5, 4] }, { shape: [4], low: 0.1, high: 0.3 }],
      attributes: { layout: "in-out", activation: "tanh" },
    },
    { inputs: [{ shape: [3, 5] }, { shape: [5, 4] }], attributes: { layout: "in-out", activation: "sigmoid" } },
    { inputs: [{ shape: [2, 0] }, { shape: [0, 3] }, { shape: [3] }], attributes: { layout: "in-out" } },
    {
      inputs: [{ shape: [2, 3, 8] }, { shape: [8, 5] }, { shape: [5] }, { shape: [2, 3, 5] }],
      attributes: { layout: "in-out", residual: true },
    },
    {
      inputs: [{ shape: [3, 7] }, { shape: [2, 7] }, { shape: [3, 2] }],
      attributes: { layout: "out-in", residual: true },
    },
  ],
  diagonal: [
    { inputs: [{ shape: [5, 5] }], attributes: { offset: 0, axis1: 0, axis2: 1 } },
    { inputs: [{ shape: [3, 2, 4] }], attributes: { offset: 1, axis1: 0, axis2: -1 } },
    { inputs: [{ shape: [3, 2] }], attributes: { offset: -1, axis1: 0, axis2: 1 } },
  ],
  embedDiagonal: [
    { inputs: [{ shape: [4] }], attributes: { offset: 0, axis1: 0, axis2: 1, shape: [4, 4] } },
    { inputs: [{ shape: [2, 3] }], attributes: { offset: 1, axis1: 2, axis2: 0, shape: [4, 2, 3] } },
  ],
  conv2d: [
    {
      inputs: [{ shape: [2, 3, 5, 4] }, { shape: [5, 3, 3, 2] }, { shape: [5] }],
      attributes: {
        stride: [1, 1],
        padding: [
          [0, 0],
          [0, 0],
        ],
        dilation: [1, 1],
        groups: 1,
      },
    },
    {
      inputs: [{ shape: [2, 4, 5, 7] }, { shape: [6, 2, 3, 2] }],
      attributes: {
        stride: [2, 3],
        dilation: [1, 2],
        groups: 2,
        padding: [
          [1, 0],
          [2, 1],
        ],
      },
    },
    {
      inputs: [{ shape: [1, 2, 1, 65] }, { shape: [17, 2, 1, 1] }, { shape: [17] }],
      attributes: {
        stride: [1, 1],
        padding: [
          [0, 0],
          [0, 0],
        ],
        dilation: [1, 1],
        groups: 1,
      },
    },
    {
      inputs: [{ shape: [0, 2, 3, 3] }, { shape: [1, 2, 2, 2] }],
      attributes: {
        stride: [1, 1],
        padding: [
          [0, 0],
          [0, 0],
        ],
        dilation: [1, 1],
        groups: 1,
      },
    },
  ],
  conv2dInputGradient: [
    {
      inputs: [{ shape: [2, 4, 3, 2] }, { shape: [4, 3, 2, 3] }, { shape: [3] }],
      attributes: {
        stride: [1, 1],
        padding: [
          [0, 0],
          [0, 0],
        ],
        dilation: [1, 1],
        groups: 1,
        size: [4, 4],
      },
    },
    {
      inputs: [{ shape: [2, 6, 2, 3] }, { shape: [6, 2, 3, 2] }],
      attributes: {
        stride: [2, 3],
        dilation: [1, 2],
        groups: 2,
        size: [5, 7],
        padding: [
          [1, 0],
          [2, 1],
        ],
      },
    },
  ],
  conv2dWeightGradient: [
    {
      inputs: [{ shape: [2, 3, 5, 6] }, { shape: [2, 5, 3, 5] }],
      attributes: {
        stride: [1, 1],
        padding: [
          [0, 0],
          [0, 0],
        ],
        dilation: [1, 1],
        groups: 1,
        kernel: [3, 2],
      },
    },
    {
      inputs: [{ shape: [2, 4, 5, 7] }, { shape: [2, 6, 2, 3] }],
      attributes: {
        stride: [2, 3],
        dilation: [1, 2],
        groups: 2,
        kernel: [3, 2],
        padding: [
          [1, 0],
          [2, 1],
        ],
      },
    },
  ],
} satisfies Partial<SamplesOf<OpName>>;
