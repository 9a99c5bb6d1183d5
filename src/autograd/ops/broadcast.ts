import { reshaped } from "../../kernels/copy.ts";
import { reduce } from "../../kernels/reduce.ts";
import { expandView, normalizeAxis, type Shape, shapesEqual, type Tensor } from "../../tensor/index.ts";
import { defineOp, type Sample, type Spec } from "../define-op.ts";
import { reshape } from "./shape.ts";

// Sum and expand are each other's vector-Jacobian products, so they stand together.

export interface ReduceAttributes {
  /** Axes to reduce; all when undefined. */
  axes?: readonly number[];
  /** Keep reduced axes with length 1. */
  keepDimensions?: boolean;
}

/** The shape with reduced axes kept as 1. */
export const keptShape = (shape: Shape, axes?: readonly number[]): number[] => {
  const along = new Set(
    (axes ?? shape.map((_, axis) => axis)).map((axis) => normalizeAxis("reduce", axis, shape.length)),
  );
  return shape.map((length, axis) => (along.has(axis) ? 1 : length));
};

export function inferReduce(op: string, x: Tensor, { axes, keepDimensions }: ReduceAttributes): Spec {
  const along = new Set((axes ?? x.shape.map((_, axis) => axis)).map((axis) => normalizeAxis(op, axis, x.rank)));
  const shape = keepDimensions ? keptShape(x.shape, axes) : x.shape.filter((_, axis) => !along.has(axis));
  return { shape, dtype: x.dtype };
}

export const reduceSamples = (): Sample<ReduceAttributes>[] => [
  { inputs: [{ shape: [3, 5] }], attributes: {} },
  { inputs: [{ shape: [2, 65, 3] }], attributes: { axes: [1] } },
  { inputs: [{ shape: [4, 3, 2] }], attributes: { axes: [0, 2], keepDimensions: true } },
  { inputs: [{ shape: [2, 3] }], attributes: { axes: [-1], keepDimensions: true } },
  { inputs: [{ shape: [777] }], attributes: { axes: [0] } },
];

/** y = Σ x over axes. Partial sums are combined in an order that depends on the shape alone. */
export const sumOp = defineOp<ReduceAttributes>({
  name: "sum",
  infer: ([x], attributes) => inferReduce("sum", x, attributes),
  forward: ([x], attributes) =>
    reshaped(reduce("sum", x, "sum", attributes.axes), inferReduce("sum", x, attributes).shape),
  vjp: (g, _saved, { inputs: [x], attributes: { axes } }) => [
    () => expand(reshape(g, keptShape(x.shape, axes)), x.shape),
  ],
  samples: () => [...reduceSamples(), { inputs: [{ shape: [0, 3] }], attributes: { axes: [0] } }],
});

/** Broadcasts to a larger shape. Always a view. */
export const expandOp = defineOp<{ shape: Shape }>({
  name: "expand",
  infer: ([x], { shape }) => {
    expandView(x, shape).dispose();
    return { shape, dtype: x.dtype };
  },
  forward: ([x], { shape }) => expandView(x, shape),
  vjp: (g, _saved, { inputs: [x] }) => [() => sumTo(g, x.shape)],
  samples: () => [
    { inputs: [{ shape: [3, 1] }], attributes: { shape: [2, 3, 4] } },
    { inputs: [{ shape: [] }], attributes: { shape: [65] } },
  ],
});

export const expand = (x: Tensor, shape: Shape): Tensor => expandOp([x], { shape });

export const sum = (x: Tensor, axes?: number | readonly number[], keepDimensions = false): Tensor =>
  sumOp([x], { axes: typeof axes === "number" ? [axes] : axes, keepDimensions });

/** Sums a gradient over the axes its input was broadcast along: the inverse of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (shapesEqual(x.shape, shape)) return x;
  const added = x.rank - shape.length;
  const axes = x.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < added || (shape[axis - added] === 1 && x.shape[axis] !== 1));
  return reshape(axes.length > 0 ? sum(x, axes, true) : x, shape);
}
