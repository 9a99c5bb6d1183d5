import type { Reduction } from "../../../kernels/reduction/reduction-functions.ts";
import * as REDUCTIONS from "../../../kernels/reduction/reduction-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import { inferReduce, type ReduceAttributes, reduceForward } from "./attributes.ts";

export interface ArgumentAttributes {
  /** The axis to search; all elements, in row-major order, when undefined. */
  axis?: number;
  keepDimensions?: boolean;
}

const toReduce = ({ axis, keepDimensions }: ArgumentAttributes): ReduceAttributes => ({
  axes: axis === undefined ? undefined : [axis],
  keepDimensions,
});

/* @__NO_SIDE_EFFECTS__ */ const argument = (reduction: Reduction): Op<ArgumentAttributes> =>
  defineOp<ArgumentAttributes>({
    name: reduction.name,
    infer: ([x], attributes) => inferReduce(reduction.name, x, toReduce(attributes), reduction),
    forward: ([x], attributes) => reduceForward(reduction.name, x, toReduce(attributes), reduction),
  });

/** Index of the greatest element along an axis, i32: the first of equals; a NaN is the greatest of all. */
export const argmaxOp = argument(REDUCTIONS.argmax);
/** Index of the least element along an axis, i32: the first of equals; a NaN is the least of all. */
export const argminOp = argument(REDUCTIONS.argmin);

/**
 * Index of the greatest element along an axis, or in row-major order of all; i32, the first of equals.
 *
 * @throws when there are no elements to choose from.
 */
export const argmax = (x: Tensor, axis?: number, keepDimensions = false): Tensor =>
  argmaxOp([x], { axis, keepDimensions });

/** Index of the least element; otherwise as {@link argmax}. */
export const argmin = (x: Tensor, axis?: number, keepDimensions = false): Tensor =>
  argminOp([x], { axis, keepDimensions });
