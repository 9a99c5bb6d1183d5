import type { Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op, type Sample } from "../../define-op.ts";
import { type Axes, axesOf, inferReduce, type ReduceAttributes, reduceForward } from "./attributes.ts";

const truth = (name: "any" | "all"): Op<ReduceAttributes> =>
  defineOp<ReduceAttributes>({
    name,
    infer: ([x], attributes) => inferReduce(name, x, attributes),
    forward: ([x], attributes) => reduceForward(name, x, attributes),
    samples: (): Sample<ReduceAttributes>[] => [
      { inputs: [{ shape: [5, 2, 3], dtype: "bool", low: 0, high: 2 }], attributes: { axes: [1] } },
      { inputs: [{ shape: [65, 2], dtype: "i32", low: -1, high: 2 }], attributes: { axes: [0], keepDimensions: true } },
      { inputs: [{ shape: [3, 4] }], attributes: {} },
      { inputs: [{ shape: [2, 0] }], attributes: { axes: [1] } },
    ],
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
