import type { FamilyName } from "../../kernels/variant-table.ts";
import { convolution } from "../table/convolutions.ts";
import type { OpRow } from "../table/op-row.ts";
import { layerNormRows, softmaxRows } from "../table/rows.ts";

const convolutions = (images: number, size: number): OpRow[] => [
  ...convolution("3x3", `3×3, 64 → 64 channels, ${size} × ${size}, batch ${images}`, {
    ...{ x: [images, 64, size, size], weight: [64, 64, 3, 3], stride: 1, padding: 1 },
  }),
  ...convolution("3x3s2", `3×3, stride 2, 64 → 128 channels, ${size} × ${size}, batch ${images}`, {
    ...{ x: [images, 64, size, size], weight: [128, 64, 3, 3], stride: 2, padding: 1 },
  }),
  ...convolution("7x7s2", `7×7, stride 2, 3 → 64 channels, ${4 * size} × ${4 * size}, batch ${images}`, {
    ...{ x: [images, 3, 4 * size, 4 * size], weight: [64, 3, 7, 7], stride: 2, padding: 3 },
  }),
];

const depthwise = (images: number, size: number): OpRow[] =>
  convolution("depthwise", `3×3, 64 channels, ${size} × ${size}, batch ${images}`, {
    ...{ x: [images, 64, size, size], weight: [64, 1, 3, 3], stride: 1, padding: 1, groups: 64 },
  });

/** Computations that tell the candidates of a family apart, at sizes of real models. */
export const PROBES: Readonly<Record<FamilyName, (isSoftware: boolean) => readonly OpRow[]>> = {
  convolution: (isSoftware) => (isSoftware ? convolutions(1, 28) : convolutions(32, 56)),
  depthwise: (isSoftware) => (isSoftware ? depthwise(1, 56) : depthwise(64, 56)),
  rows: (isSoftware) =>
    isSoftware
      ? [...softmaxRows(1024, 128), ...layerNormRows(256, 768)]
      : [...softmaxRows(49_152, 1024), ...layerNormRows(8192, 768)],
};
