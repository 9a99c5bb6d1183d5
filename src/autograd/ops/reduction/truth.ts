import type { Reduction } from "../../../kernels/reduction/reduction-functions.ts";
import * as REDUCTIONS from "../../../kernels/reduction/reduction-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import { type Axes, axesOf, inferReduce, type ReduceAttributes, reduceForward } from "./attributes.ts";

/* @__NO_SIDE_EFFECTS__ */ const truth = (reduction: Reduction): Op<ReduceAttributes> =>
  defineOp<ReduceAttributes>({
    name: reduction.name,
    infer: ([x], attributes) => inferReduce(reduction.name, x, attributes, reduction),
    forward: ([x], attributes) => reduceForward(reduction.name, x, attributes, reduction),
  });

/** Whether any element over axes is not zero. NaN is not zero. */
export const anyOp = truth(REDUCTIONS.any);
/** Whether no element over axes is zero. */
export const allOp = truth(REDUCTIONS.all);

/** Whether any element over axes is not zero, bool; false where there is none. */
export const any = (x: Tensor, axes?: Axes, keepDimensions = false): Tensor =>
  anyOp([x], { axes: axesOf(axes), keepDimensions });

/** Whether all elements over axes are not zero, bool; true where there is none. */
export const all = (x: Tensor, axes?: Axes, keepDimensions = false): Tensor =>
  allOp([x], { axes: axesOf(axes), keepDimensions });
