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

/* @__NO_SIDE_EFFECTS__ */ const argument = (name: "argmax" | "argmin"): Op<ArgumentAttributes> =>
  defineOp<ArgumentAttributes>({
    name,
    infer: ([x], attributes) => inferReduce(name, x, toReduce(attributes)),
    forward: ([x], attributes) => reduceForward(name, x, toReduce(attributes)),
  });

/** Index of the greatest element along an axis, i32: the first of equals; a NaN is the greatest of all. */
export const argmaxOp = argument("argmax");
/** Index of the least element along an axis, i32: the first of equals; a NaN is the least of all. */
export const argminOp = argument("argmin");

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
