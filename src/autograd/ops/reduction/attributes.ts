import { reshaped } from "../../../kernels/copy.ts";
import { reduce, reducedAxes, requireElements } from "../../../kernels/reduction/reduce.ts";
import type { Reduction } from "../../../kernels/reduction/reduction-functions.ts";
import { resultType } from "../../../kernels/reduction/reductions.ts";
import { type DType, formatShape, isFloat, type Shape, type Tensor } from "../../../tensor/index.ts";
import type { Spec } from "../../define-op.ts";

export interface ReduceAttributes {
  /** Axes to reduce; all when undefined. */
  axes?: readonly number[];
  /** Keep reduced axes with length 1. */
  keepDimensions?: boolean;
}

/** Axes as they are given to an op: one, several, or all when undefined. */
export type Axes = number | readonly number[];

export const axesOf = (axes: Axes | undefined): readonly number[] | undefined =>
  typeof axes === "number" ? [axes] : axes;

/** The shape with reduced axes kept as 1. */
export const keptShape = (shape: Shape, axes?: readonly number[]): number[] => {
  const along = reducedAxes("reduce", shape.length, axes);
  return shape.map((length, axis) => (along.includes(axis) ? 1 : length));
};

/** How many elements make one result. */
export const reducedCount = (shape: Shape, axes?: readonly number[]): number =>
  reducedAxes("reduce", shape.length, axes).reduce((count, axis) => count * shape[axis], 1);

function describeTypes(types: readonly DType[]): string {
  if (types.every(isFloat)) return "a float type";
  return types.length > 1 ? `one of ${types.join(", ")}` : types[0];
}

/** Checks types, axes and that there is something to reduce, and gives the shape of the result. */
export function inferReduce(
  op: string,
  x: Tensor,
  { axes, keepDimensions }: ReduceAttributes,
  reduction: Reduction,
): Spec {
  const { types } = reduction;
  if (!types.includes(x.dtype)) {
    throw new Error(`${op}: expected ${describeTypes(types)}, got ${x.dtype}${formatShape(x.shape)}`);
  }
  const along = reducedAxes(op, x.rank, axes);
  requireElements(op, reduction, x, axes);
  const shape = keepDimensions ? keptShape(x.shape, axes) : x.shape.filter((_, axis) => !along.includes(axis));
  return { shape, dtype: resultType(reduction, x.dtype) };
}

/** Runs the kernels of a reduction; `a` and `b` are numbers of the call. */
export function reduceForward(
  op: string,
  x: Tensor,
  attributes: ReduceAttributes,
  reduction: Reduction,
  numbers: { a?: number; b?: number } = {},
): Tensor {
  return reshaped(reduce(op, x, reduction, attributes.axes, numbers), inferReduce(op, x, attributes, reduction).shape);
}
