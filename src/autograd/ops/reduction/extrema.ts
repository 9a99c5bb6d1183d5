import type { Reduction } from "../../../kernels/reduction/reduction-functions.ts";
import * as REDUCTIONS from "../../../kernels/reduction/reduction-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import { expand, sum } from "../broadcast.ts";
import { cast, div, equal, mul } from "../elementwise/index.ts";
import { reshape } from "../shape/views.ts";
import { type Axes, axesOf, inferReduce, keptShape, type ReduceAttributes, reduceForward } from "./attributes.ts";

/** Shares the gradient equally among the elements that are equal to the result. */
export function shareAmongEqual(g: Tensor, x: Tensor, y: Tensor, axes?: readonly number[]): Tensor {
  const kept = keptShape(x.shape, axes);
  const hits = cast(equal(x, expand(reshape(y, kept), x.shape)), x.dtype);
  const share = div(reshape(g, kept), sum(hits, axes, true));
  return mul(hits, expand(share, x.shape));
}

/* @__NO_SIDE_EFFECTS__ */ const extremum = (reduction: Reduction): Op<ReduceAttributes> =>
  defineOp<ReduceAttributes>({
    name: reduction.name,
    infer: ([x], attributes) => inferReduce(reduction.name, x, attributes, reduction),
    forward: ([x], attributes) => reduceForward(reduction.name, x, attributes, reduction),
    save: ([x], [y]) => [x, y],
    vjp: (g, [x, y], { attributes: { axes } }) => [() => shareAmongEqual(g, x, y, axes)],
  });

/** y = max x over axes; equal maxima share the gradient, as in PyTorch's amax. NaN where there is a NaN. */
export const maxOp = extremum(REDUCTIONS.max);
/** y = min x over axes; equal minima share the gradient, as in PyTorch's amin. NaN where there is a NaN. */
export const minOp = extremum(REDUCTIONS.min);

/**
 * max x over axes, all of them by default.
 *
 * @throws when there are no elements to choose from.
 */
export const max = (x: Tensor, axes?: Axes, keepDimensions = false): Tensor =>
  maxOp([x], { axes: axesOf(axes), keepDimensions });

/** min x over axes, all of them by default; otherwise as {@link max}. */
export const min = (x: Tensor, axes?: Axes, keepDimensions = false): Tensor =>
  minOp([x], { axes: axesOf(axes), keepDimensions });
