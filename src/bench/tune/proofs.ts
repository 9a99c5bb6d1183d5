import { crossEntropy as crossEntropyLoss } from "../../autograd/index.ts";
import type { FamilyName } from "../../kernels/variants/table.ts";
import { crossEntropy } from "../families/cross-entropy.ts";
import { attentionRows } from "../table/attention.ts";
import { convolution } from "../table/convolutions.ts";
import { geluRows } from "../table/elementwise.ts";
import { type OpRow, opRows } from "../table/op-row.ts";
import { product } from "../table/products.ts";
import { layerNormRows, softmaxRows } from "../table/rows.ts";
import { reductions, rowsAndColumns } from "./probes.ts";

const crossEntropyRows = (R: number, C: number): OpRow[] =>
  opRows(
    `cross-entropy-${R}x${C}`,
    `cross-entropy of ${R} rows of ${C}`,
    ["logits", "labels"],
    (logits, labels) => crossEntropyLoss(logits, labels, { reduction: "none" }),
    { forward: () => crossEntropy.problem({ R, C }) },
  );

/**
 * Small computations of lengths that no tile divides, on which candidates are checked and not timed: at the edges of what
 * they make together they differ most, and sizes of real models have none.
 */
export const PROOFS: Readonly<Record<FamilyName, readonly OpRow[]>> = {
  attention: [...attentionRows(3, 37, 13), ...attentionRows(2, 70, 24)],
  convolution: [
    ...convolution("odd-3x3s2", "3×3, stride 2, 3 → 5 channels, 7 × 9, batch 2", {
      ...{ x: [2, 3, 7, 9], weight: [5, 3, 3, 3], stride: 2, padding: 1 },
    }),
    ...convolution("odd-5x5", "5×5, 17 → 33 channels, 10 × 11", {
      ...{ x: [1, 17, 10, 11], weight: [33, 17, 5, 5], stride: 1, padding: 2 },
    }),
  ],
  depthwise: convolution("odd-depthwise", "3×3, 5 channels, 11 × 9, batch 2", {
    ...{ x: [2, 5, 11, 9], weight: [5, 1, 3, 3], stride: 1, padding: 1, groups: 5 },
  }),
  elementwise: [...geluRows(13, 37), ...rowsAndColumns(13, 37)],
  matmul: [
    ...product("odd", "matmul 21 × 13 × 35", { M: 21, K: 13, N: 35 }, true),
    ...product("odd", "matmul 70 × 65 × 131", { M: 70, K: 65, N: 131 }, true),
    ...product("row", "matmul 1 × 37 × 70", { M: 1, K: 37, N: 70 }, true),
  ],
  reduction: [...reductions(70, 37), ...reductions(1100, 13)],
  rows: [...softmaxRows(13, 37), ...layerNormRows(13, 37), ...crossEntropyRows(13, 37), ...crossEntropyRows(9, 1000)],
};
