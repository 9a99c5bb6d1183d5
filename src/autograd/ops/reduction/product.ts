import { reducedAxes } from "../../../kernels/reduction/reduce.ts";
import * as REDUCTIONS from "../../../kernels/reduction/reduction-functions.ts";
import { scan } from "../../../kernels/reduction/scan.ts";
import { arange, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { expand } from "../broadcast.ts";
import { cast, mul, where } from "../elementwise/index.ts";
import { oneHot } from "../indexing/one-hot.ts";
import { permute, reshape } from "../shape/views.ts";
import {
  type Axes,
  axesOf,
  inferReduce,
  keptShape,
  type ReduceAttributes,
  reducedCount,
  reduceForward,
} from "./attributes.ts";

/**
 * For every element of the rows [..., n] the product of the others, by products from the left and from the right: no
 * division, so that zeros are no exception.
 */
function productsOfOthers(rows: Tensor): Tensor {
  const left = scan("prod", rows, -1, "product", { exclusive: true });
  return mul(left, scan("prod", rows, -1, "product", { exclusive: true, reverse: true }));
}

/** The same in differentiable ops: row i of [..., n, n] has a 1 in place of element i. Takes n times the memory. */
function differentiableProductsOfOthers(rows: Tensor): Tensor {
  const n = rows.shape[rows.rank - 1];
  const square = [...rows.shape, n];
  const diagonal = cast(oneHot(arange(0, n, 1, { dtype: "i32", gpu: rows.gpu }), n), "bool");
  const repeated = expand(reshape(rows, rows.shape.toSpliced(-1, 0, 1)), square);
  return prod(where(diagonal, 1, repeated), -1);
}

/**
 * y = Π x over axes, multiplied in an order that depends on the shape alone. The gradient of an element is the product of
 * the others, also where some are zero.
 */
export const prodOp = defineOp<ReduceAttributes>({
  name: "prod",
  infer: ([x], attributes) => inferReduce("prod", x, attributes, REDUCTIONS.prod),
  forward: ([x], attributes) => reduceForward("prod", x, attributes, REDUCTIONS.prod),
  save: ([x]) => [x],
  vjp: (g, [x], { createGraph, attributes: { axes } }) => [
    () => {
      const reduced = reducedAxes("prod", x.rank, axes);
      const order = [...x.shape.keys()].filter((axis) => !reduced.includes(axis)).concat(reduced);
      const moved = permute(x, order);
      const keptRank = x.rank - reduced.length;
      const rows = reshape(moved, [...moved.shape.slice(0, keptRank), reducedCount(x.shape, axes)]);
      const others = (createGraph ? differentiableProductsOfOthers : productsOfOthers)(rows);
      const inverse = order.map((_, axis) => order.indexOf(axis));
      const back = permute(reshape(others, moved.shape), inverse);
      return mul(expand(reshape(g, keptShape(x.shape, axes)), x.shape), back);
    },
  ],
});

/** Π x over axes, all of them by default; 1 where there is nothing to multiply. */
export const prod = (x: Tensor, axes?: Axes, keepDimensions = false): Tensor =>
  prodOp([x], { axes: axesOf(axes), keepDimensions });
