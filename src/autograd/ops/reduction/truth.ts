import type { Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import { type Axes, axesOf, inferReduce, type ReduceAttributes, reduceForward } from "./attributes.ts";

/* @__NO_SIDE_EFFECTS__ */ const truth = (name: "any" | "all"): Op<ReduceAttributes> =>
  defineOp<ReduceAttributes>({
    name,
    infer: ([x], attributes) => inferReduce(name, x, attributes),
    forward: ([x], attributes) => reduceForward(name, x, attributes),
  });

/** Whether any element over axes is not zero. NaN is not zero. */
export const anyOp = truth("any");
/** Whether no element over axes is zero. */
export const allOp = truth("all");

/** Whether any element over axes is not zero, bool; false where there is none. */
export const any = (x: Tensor, axes?: Axes, keepDimensions = false): Tensor =>
  anyOp([x], { axes: axesOf(axes), keepDimensions });

/** Whether all elements over axes are not zero, bool; true where there is none. */
export const all = (x: Tensor, axes?: Axes, keepDimensions = false): Tensor =>
  allOp([x], { axes: axesOf(axes), keepDimensions });
