import type { Activation } from "../../src/autograd/index.ts";
import * as elementwise from "./elementwise.ts";
import { at, type NdArray, type Reference, sizeOf } from "./nd-array.ts";

/** Batches of matrices [..., M, K] · [..., K, N]; batch axes broadcast. A vector is a row on the left, a column on the right. */
export const matmul: Reference<{ scale: number }> = ([left, right], { scale }) => {
  const a = left.shape.length > 1 ? left : { shape: [1, ...left.shape], data: left.data };
  const b = right.shape.length > 1 ? right : { shape: [...right.shape, 1], data: right.data };
  const [m, k] = a.shape.slice(-2);
  const n = b.shape[b.shape.length - 1];
  const batch = commonBatch(a, b);
  const c = new Float64Array(sizeOf(batch) * m * n);
  const matrixIndex = (x: NdArray): NdArray => {
    const shape = x.shape.slice(0, -2);
    return { shape, data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => i) };
  };
  const [aIndex, bIndex] = [matrixIndex(a), matrixIndex(b)];
  for (let matrix = 0; matrix < sizeOf(batch); matrix++) {
    const index = unravel(matrix, batch);
    const aBase = at(aIndex, index) * m * k;
    const bBase = at(bIndex, index) * k * n;
    for (let row = 0; row < m; row++) {
      for (let inner = 0; inner < k; inner++) {
        const left = scale * a.data[aBase + row * k + inner];
        const cRow = (matrix * m + row) * n;
        const bRow = bBase + inner * n;
        for (let column = 0; column < n; column++) c[cRow + column] += left * b.data[bRow + column];
      }
    }
  }
  const rows = left.shape.length > 1 ? [m] : [];
  const columns = right.shape.length > 1 ? [n] : [];
  return { shape: [...batch, ...rows, ...columns], data: c };
};

function commonBatch(a: NdArray, b: NdArray): number[] {
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank - 2 }, (_, axis) =>
    Math.max(a.shape[axis - rank + a.shape.length] ?? 1, b.shape[axis - rank + b.shape.length] ?? 1),
  );
}

function unravel(position: number, shape: readonly number[]): number[] {
  const index = shape.map(() => 0);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = position % shape[axis];
    position = Math.floor(position / shape[axis]);
  }
  return index;
}

export const transposed = (x: NdArray): NdArray => {
  const [rows, columns] = x.shape;
  return {
    shape: [columns, rows],
    data: Float64Array.from({ length: rows * columns }, (_, i) => x.data[(i % rows) * columns + Math.floor(i / rows)]),
  };
};

const ACTIVATIONS: Record<Activation, (x: NdArray) => NdArray> = {
  relu: (x) => elementwise.relu([x], {}),
  gelu: (x) => elementwise.gelu([x], { approximate: "none" }),
  "gelu-tanh": (x) => elementwise.gelu([x], { approximate: "tanh" }),
  silu: (x) => elementwise.silu([x], {}),
  tanh: (x) => elementwise.tanh([x], {}),
  sigmoid: (x) => elementwise.sigmoid([x], {}),
};

export const linear: Reference<{ layout: "in-out" | "out-in"; activation?: Activation; residual?: boolean }> = (
  [x, weight, ...rest],
  { layout, activation, residual },
) => {
  const added = residual ? rest.pop() : undefined;
  const [bias] = rest;
  const w = layout === "in-out" ? weight : transposed(weight);
  const [inputs, outputs] = w.shape;
  const rows = sizeOf(x.shape.slice(0, -1));
  const product = matmul([{ shape: [rows, inputs], data: x.data }, w], { scale: 1 });
  const sums = bias ? product.data.map((value, i) => value + bias.data[i % outputs]) : product.data;
  const y = { shape: [...x.shape.slice(0, -1), outputs], data: sums };
  const z = activation ? ACTIVATIONS[activation](y) : y;
  return added ? { ...z, data: z.data.map((value, i) => value + added.data[i]) } : z;
};
