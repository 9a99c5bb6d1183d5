import * as REDUCTIONS from "../../kernels/reduction/reduction-functions.ts";
import { assertList, expandView, type Shape, shapesEqual, type Tensor } from "../../tensor/index.ts";
import { defineOp } from "../define-op.ts";
import {
  type Axes,
  axesOf,
  inferReduce,
  keptShape,
  type ReduceAttributes,
  reduceForward,
} from "./reduction/attributes.ts";
import { reshape } from "./shape/views.ts";

// Sum and expand are each other's vector-Jacobian products, so they stand together.

/**
 * y = Σ x over axes. Partial sums are combined in an order that depends on the shape alone; f16 is summed in f32, and
 * bool is counted in i32.
 */
export const sumOp = defineOp<ReduceAttributes>({
  name: "sum",
  infer: ([x], attributes) => inferReduce("sum", x, attributes, REDUCTIONS.sum),
  forward: ([x], attributes) => reduceForward("sum", x, attributes, REDUCTIONS.sum),
  vjp: (g, _saved, { inputs: [x], attributes: { axes } }) => [
    () => expand(reshape(g, keptShape(x.shape, axes)), x.shape),
  ],
});

/** Broadcasts to a larger shape. Always a view. */
export const expandOp = defineOp<{ shape: Shape }>({
  name: "expand",
  infer: ([x], { shape }) => {
    assertList("expand", "a shape", shape);
    expandView(x, shape).dispose();
    return { shape, dtype: x.dtype };
  },
  forward: ([x], { shape }) => expandView(x, shape),
  vjp: (g, _saved, { inputs: [x] }) => [() => sumTo(g, x.shape)],
});

/**
 * x repeated along axes of length 1 and in front, to a shape that it broadcasts to: a view.
 *
 * @throws when it does not.
 */
export const expand = (x: Tensor, shape: Shape): Tensor => expandOp([x], { shape });

/** Σ x over axes, all of them by default; 0 where there is nothing to add. */
export const sum = (x: Tensor, axes?: Axes, keepDimensions = false): Tensor =>
  sumOp([x], { axes: axesOf(axes), keepDimensions });

/** Sums a gradient over the axes its input was broadcast along: the inverse of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (shapesEqual(x.shape, shape)) return x;
  const added = x.rank - shape.length;
  const axes = x.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < added || (shape[axis - added] === 1 && x.shape[axis] !== 1));
  return reshape(axes.length > 0 ? sum(x, axes, true) : x, shape);
}
