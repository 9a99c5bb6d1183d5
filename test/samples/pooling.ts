import type { OpName } from "../../src/autograd/index.ts";
import { adaptiveWindows, slidingWindows } from "../../src/autograd/ops/pooling/geometry.ts";
import { resampling } from "../../src/autograd/ops/pooling/interpolate.ts";
import type { Sample, SamplesOf } from "./sample.ts";

const maxGeometries = [
  slidingWindows("maxPool", [1, 7, 9], [3, 2], { padding: [1, 0], stride: [2, 1], ceilMode: true }),
  slidingWindows("maxPool", [1, 9, 8], 3, {
    dilation: [2, 3],
    padding: [
      [2, 0],
      [1, 3],
    ],
    stride: 1,
  }),
  adaptiveWindows("maxPool", [1, 5, 7], [3, 4]),
  slidingWindows("maxPool", [1, 4, 4], 2, {}),
];

const averageGeometries = [
  slidingWindows("averagePool", [1, 7, 9], [3, 2], { padding: [1, 1], stride: 2, ceilMode: true }),
  slidingWindows("averagePool", [1, 6, 8], 3, {
    padding: [
      [2, 0],
      [1, 2],
    ],
    stride: [1, 2],
    countIncludePad: false,
  }),
  slidingWindows("averagePool", [1, 6, 7], [2, 3], {
    dilation: [3, 2],
    padding: [1, 3],
    stride: 1,
    countIncludePad: false,
  }),
  adaptiveWindows("averagePool", [1, 5, 7], [3, 4]),
];

const resamplings = [
  resampling("interpolate", [1, 3, 4], { size: [5, 9] }),
  resampling("interpolate", [1, 5, 7], { scaleFactor: [1.7, 0.6], mode: "bilinear" }),
  resampling("interpolate", [1, 3, 5], { size: [7, 4], mode: "bilinear", alignCorners: true }),
];

type Geometry = (typeof maxGeometries)[number];

/** Planes of one kind, and which tap of each window was chosen. */
const tapSamples = (planes: (geometry: Geometry) => readonly [number, number]): Sample<Geometry>[] => {
  const overlapping = slidingWindows("maxPool", [1, 5, 6], 3, { stride: 1 });
  const adaptive = adaptiveWindows("maxPool", [1, 8, 6], [4, 3]); // windows of 2 × 2, with taps counted in rows of 3
  return [
    {
      inputs: [
        { shape: [2, 2, ...planes(overlapping)] },
        { shape: [2, 2, ...overlapping.output], dtype: "i32", low: -1, high: 9 },
      ],
      attributes: overlapping,
    },
    {
      inputs: [{ shape: [3, ...planes(adaptive)] }, { shape: [3, ...adaptive.output], dtype: "i32", low: 0, high: 2 }],
      attributes: adaptive,
    },
  ];
};

const leading = [[2, 3], [1, 2], [3], [0, 2]];

/** Windows that slide, overlap, hang over the edge and adapt; planes resampled. */
export const poolingSamples = {
  maxPool: maxGeometries.map((geometry, i) => ({
    inputs: [{ shape: [...leading[i], ...geometry.input] }],
    attributes: geometry,
  })),
  maxPoolGather: tapSamples((geometry) => geometry.input),
  maxPoolGradient: tapSamples((geometry) => geometry.output),
  averagePool: averageGeometries.map((geometry) => ({
    inputs: [{ shape: [2, ...geometry.input] }],
    attributes: geometry,
  })),
  averagePoolGradient: averageGeometries.map((geometry) => ({
    inputs: [{ shape: [1, 2, ...geometry.output] }],
    attributes: geometry,
  })),
  interpolate: resamplings.map((geometry) => ({
    inputs: [{ shape: [2, ...geometry.input] }],
    attributes: geometry,
  })),
  interpolateGradient: resamplings.map((geometry) => ({
    inputs: [{ shape: [1, 2, ...geometry.output] }],
    attributes: geometry,
  })),
} satisfies Partial<SamplesOf<OpName>>;
