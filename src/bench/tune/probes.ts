import { add, contiguous, sum, transpose } from "../../autograd/index.ts";
import type { FamilyName } from "../../kernels/variants/table.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Problem } from "../problem.ts";
import { attentionRows } from "../table/attention.ts";
import { convolution } from "../table/convolutions.ts";
import { geluRows } from "../table/elementwise.ts";
import { type OpRow, opRows } from "../table/op-row.ts";
import { product } from "../table/products.ts";
import { layerNormRows, softmaxRows } from "../table/rows.ts";
import { bytesOf, randomIndices } from "../values.ts";

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

/** What is stored in half precision is computed in f32, by kernels of its own. */
type Stored = "f32" | "f16";
const IN_HALVES: Readonly<Record<Stored, string>> = { f32: "", f16: ", in halves" };

/** A product with both gradients, whose operands are transposed, and one whose rows lie on no vectors. */
const products = (length: number, stored: Stored = "f32"): OpRow[] => {
  const size = { M: length, K: length, N: length, ...(stored === "f16" ? { stored } : {}) };
  const title = (N: number): string => `matmul ${length} × ${length} × ${N}${IN_HALVES[stored]}`;
  return [
    ...product(`square-${stored}`, title(length), size, true),
    ...product(`odd-${stored}`, title(length + 1), { ...size, N: length + 1 }, false),
  ];
};

type Value = (row: number, column: number) => number;

/** A result of a matrix x [rows, columns] and a vector b [columns] whose elements are exact. */
function exact(
  id: string,
  title: string,
  [rows, columns]: readonly [number, number],
  fn: (x: Tensor, b: Tensor) => Tensor,
  shape: readonly number[],
  value: (x: Value, b: Value) => (position: number) => number,
  stored: Stored = "f32",
): OpRow[] {
  const forward = (): Problem => {
    const values = Float32Array.from(randomIndices(rows * columns, 9, 3), (index) => index - 4);
    const b = Float32Array.from(randomIndices(columns, 9, 4), (index) => index - 4);
    const expected = value(
      (row, column) => values[row * columns + column],
      (_row, column) => b[column],
    );
    return {
      inputs: [
        { name: "x", shape: [rows, columns], dtype: stored, values },
        { name: "b", shape: [columns], dtype: stored, values: b },
      ],
      results: [{ name: "y", shape, tolerance: 0, expected: (position) => ({ value: expected(position), scale: 1 }) }],
      operations: 0,
      bytes: bytesOf([rows, columns], shape),
    };
  };
  return opRows(`${id}-${stored}`, `${title} of ${rows} × ${columns}${IN_HALVES[stored]}`, ["x", "b"], fn, { forward });
}

/** Rows with another added to each, and the transpose: strided views and plain ones. */
export const rowsAndColumns = (rows: number, columns: number, stored?: Stored): OpRow[] => [
  ...exact(
    "bias",
    "a row added to each",
    [rows, columns],
    add,
    [rows, columns],
    (x, b) => (position) => {
      const [row, column] = [Math.floor(position / columns), position % columns];
      return x(row, column) + b(row, column);
    },
    stored,
  ),
  ...exact(
    "transpose",
    "the transpose",
    [rows, columns],
    (x) => contiguous(transpose(x)),
    [columns, rows],
    (x) => {
      return (position) => x(position % rows, Math.floor(position / rows));
    },
    stored,
  ),
];

const elementwise = (rows: number, columns: number): OpRow[] => [
  ...geluRows(rows, columns),
  ...rowsAndColumns(rows, columns),
];

const total = (length: number, term: (i: number) => number): number => {
  let result = 0;
  for (let i = 0; i < length; i++) result += term(i);
  return result;
};

/** Sums along both axes of a matrix. */
export const reductions = (rows: number, columns: number, stored?: Stored): OpRow[] => [
  ...exact(
    "sum-rows",
    "sums of the columns",
    [rows, columns],
    (x) => sum(x, [0]),
    [columns],
    (x) => (column) => {
      return total(rows, (row) => x(row, column));
    },
    stored,
  ),
  ...exact(
    "sum-columns",
    "sums of the rows",
    [rows, columns],
    (x) => sum(x, [1]),
    [rows],
    (x) => (row) => {
      return total(columns, (column) => x(row, column));
    },
    stored,
  ),
];

/** Computations that tell the candidates of a family apart, at sizes of real models. */
export const PROBES: Readonly<Record<FamilyName, (isSoftware: boolean) => readonly OpRow[]>> = {
  attention: (isSoftware) => (isSoftware ? attentionRows(4, 128, 64) : attentionRows(48, 1024, 64)),
  convolution: (isSoftware) => (isSoftware ? convolutions(1, 28) : convolutions(32, 56)),
  depthwise: (isSoftware) => (isSoftware ? depthwise(1, 56) : depthwise(64, 56)),
  elementwise: (isSoftware) => (isSoftware ? elementwise(256, 3072) : elementwise(8192, 3072)),
  matmul: (isSoftware) => products(isSoftware ? 384 : 2048),
  reduction: (isSoftware) => (isSoftware ? reductions(1024, 768) : reductions(16_384, 3072)),
  rows: (isSoftware) =>
    isSoftware
      ? [...softmaxRows(1024, 128), ...layerNormRows(256, 768)]
      : [...softmaxRows(49_152, 1024), ...layerNormRows(8192, 768)],
};

/**
 * The same of operands in half precision, for adapters that have it: of the families whose kernels read halves. Reductions
 * add whole numbers, whose sums stay below 2048, where halves are exact.
 */
export const HALF_PROBES: Readonly<Partial<typeof PROBES>> = {
  elementwise: (isSoftware) => (isSoftware ? rowsAndColumns(256, 3072, "f16") : rowsAndColumns(8192, 3072, "f16")),
  matmul: (isSoftware) => products(isSoftware ? 384 : 2048, "f16"),
  reduction: (isSoftware) => (isSoftware ? reductions(1024, 768, "f16") : reductions(16_384, 3072, "f16")),
};
