import type { OpName } from "../../src/autograd/index.ts";
import type { SamplesOf } from "./sample.ts";

/** Views, and what rearranges, pads and joins. */
export const shapeSamples = {
  expand: [
    { inputs: [{ shape: [3, 1] }], attributes: { shape: [2, 3, 4] } },
    { inputs: [{ shape: [] }], attributes: { shape: [65] } },
  ],
  reshape: [
    { inputs: [{ shape: [4, 6] }], attributes: { shape: [3, -1] } },
    { inputs: [{ shape: [5] }], attributes: { shape: [1, 5, 1] } },
    { inputs: [{ shape: [1, 1] }], attributes: { shape: [] } },
    { inputs: [{ shape: [0, 4] }], attributes: { shape: [2, 0] } },
  ],
  permute: [
    { inputs: [{ shape: [2, 3, 4] }], attributes: { axes: [2, 0, 1] } },
    { inputs: [{ shape: [65, 3] }], attributes: { axes: [-1, 0] } },
  ],
  slice: [
    { inputs: [{ shape: [5, 3] }], attributes: { axis: 0, begin: 1, end: 4 } },
    { inputs: [{ shape: [2, 66] }], attributes: { axis: -1, begin: 1, end: 65 } },
    { inputs: [{ shape: [2, 66] }], attributes: { axis: 1, begin: -65, end: -1, step: 3 } },
    { inputs: [{ shape: [3] }], attributes: { axis: 0, begin: 2, end: 2 } },
  ],
  padAxis: [
    { inputs: [{ shape: [2, 3] }], attributes: { axis: 0, begin: 1, shape: [4, 3] } },
    { inputs: [{ shape: [3, 2] }], attributes: { axis: -1, begin: 3, shape: [3, 65] } },
    { inputs: [{ shape: [2, 3] }], attributes: { axis: 1, begin: 1, shape: [2, 7], step: 2 } },
  ],
  pad: [
    {
      inputs: [{ shape: [2, 3] }],
      attributes: {
        widths: [
          [1, 0],
          [2, 60],
        ],
        mode: "constant",
        value: -1.5,
      },
    },
    {
      inputs: [{ shape: [2, 4, 3] }],
      attributes: {
        widths: [
          [0, 0],
          [3, 2],
          [1, 2],
        ],
        mode: "reflect",
        value: 0,
      },
    },
    {
      inputs: [{ shape: [3, 2] }],
      attributes: {
        widths: [
          [2, 1],
          [0, 4],
        ],
        mode: "edge",
        value: 0,
      },
    },
    { inputs: [{ shape: [5] }], attributes: { widths: [[-2, 3]], mode: "symmetric", value: 0 } },
    {
      inputs: [{ shape: [3, 4] }],
      attributes: {
        widths: [
          [1, 3],
          [2, 0],
        ],
        mode: "wrap",
        value: 0,
      },
    },
    {
      inputs: [{ shape: [0, 2] }],
      attributes: {
        widths: [
          [1, 1],
          [0, 1],
        ],
        mode: "constant",
        value: 3,
      },
    },
  ],
  padGradient: [
    {
      inputs: [{ shape: [4, 9] }],
      attributes: {
        shape: [3, 5],
        widths: [
          [0, 1],
          [1, 3],
        ],
        mode: "reflect",
      },
    },
  ],
  concat: [
    { inputs: [{ shape: [2, 3] }, { shape: [0, 3] }, { shape: [65, 3] }], attributes: { axis: 0 } },
    { inputs: [{ shape: [2, 1, 3] }, { shape: [2, 4, 3] }], attributes: { axis: -2 } },
    { inputs: [{ shape: [5] }], attributes: { axis: 0 } },
  ],
  flip: [
    { inputs: [{ shape: [2, 3, 4] }], attributes: { axes: [0, -1] } },
    { inputs: [{ shape: [65, 2] }], attributes: { axes: [0] } },
    { inputs: [{ shape: [] }], attributes: { axes: [] } },
  ],
  roll: [
    { inputs: [{ shape: [4, 5] }], attributes: { shifts: [1, -7], axes: [0, 1] } },
    { inputs: [{ shape: [2, 66] }], attributes: { shifts: [65, 3], axes: [-1, -1] } },
    { inputs: [{ shape: [0, 3] }], attributes: { shifts: [1], axes: [0] } },
  ],
  tile: [
    { inputs: [{ shape: [2, 3] }], attributes: { repeats: [3, 22] } },
    { inputs: [{ shape: [2, 1, 3] }], attributes: { repeats: [1, 4, 2] } },
    { inputs: [{ shape: [3] }], attributes: { repeats: [0] } },
  ],
  tril: [
    { inputs: [{ shape: [4, 65] }], attributes: { diagonal: 2 } },
    { inputs: [{ shape: [2, 5, 3] }], attributes: { diagonal: -1 } },
  ],
  triu: [
    { inputs: [{ shape: [4, 65] }], attributes: { diagonal: 2 } },
    { inputs: [{ shape: [2, 5, 3] }], attributes: { diagonal: -1 } },
  ],
  contiguous: [{ inputs: [{ shape: [3, 5] }], attributes: {} }],
} satisfies Partial<SamplesOf<OpName>>;
