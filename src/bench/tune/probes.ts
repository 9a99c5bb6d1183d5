import { add, contiguous, sum, transpose } from "../../autograd/index.ts";
import type { FamilyName } from "../../kernels/variant-table.ts";
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

/** A product with both gradients, whose operands are transposed, and one whose rows lie on no vectors. */
const products = (length: number): OpRow[] => [
  ...product("square", `matmul ${length} × ${length} × ${length}`, { M: length, K: length, N: length }, true),
  ...product("odd", `matmul ${length} × ${length} × ${length + 1}`, { M: length, K: length, N: length + 1 }, false),
];

type Value = (row: number, column: number) => number;

/** A result of a matrix x [rows, columns] and a vector b [columns] whose elements are exact. */
function exact(
  id: string,
  title: string,
  [rows, columns]: readonly [number, number],
  fn: (x: Tensor, b: Tensor) => Tensor,
  shape: readonly number[],
  value: (x: Value, b: Value) => (position: number) => number,
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
        { name: "x", shape: [rows, columns], dtype: "f32", values },
        { name: "b", shape: [columns], dtype: "f32", values: b },
      ],
      results: [{ name: "y", shape, tolerance: 0, expected: (position) => ({ value: expected(position), scale: 1 }) }],
      operations: 0,
      bytes: bytesOf([rows, columns], shape),
    };
  };
  return opRows(id, `${title} of ${rows} × ${columns}`, ["x", "b"], fn, { forward });
}

const elementwise = (rows: number, columns: number): OpRow[] => [
  ...geluRows(rows, columns),
  ...exact("bias", "a row added to each", [rows, columns], add, [rows, columns], (x, b) => (position) => {
    const [row, column] = [Math.floor(position / columns), position % columns];
    return x(row, column) + b(row, column);
  }),
  ...exact(
    "transpose",
    "the transpose",
    [rows, columns],
    (x) => contiguous(transpose(x)),
    [columns, rows],
    (x) => {
      return (position) => x(position % rows, Math.floor(position / rows));
    },
  ),
];

const total = (length: number, term: (i: number) => number): number => {
  let result = 0;
  for (let i = 0; i < length; i++) result += term(i);
  return result;
};

const reductions = (rows: number, columns: number): OpRow[] => [
  ...exact(
    "sum-rows",
    "sums of the columns",
    [rows, columns],
    (x) => sum(x, [0]),
    [columns],
    (x) => (column) => {
      return total(rows, (row) => x(row, column));
    },
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
