import * as REDUCTIONS from "../../../kernels/reduction/reduction-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { expand } from "../broadcast.ts";
import { div, equal, mul, sub, where } from "../elementwise/index.ts";
import { reshape } from "../shape/views.ts";
import {
  type Axes,
  axesOf,
  inferReduce,
  keptShape,
  type ReduceAttributes,
  reducedCount,
  reduceForward,
} from "./attributes.ts";

/** y = Σ x / n over axes of n elements together, divided as such. */
export const meanOp = defineOp<ReduceAttributes>({
  name: "mean",
  infer: ([x], attributes) => inferReduce("mean", x, attributes, REDUCTIONS.mean),
  forward: ([x], attributes) =>
    reduceForward("mean", x, attributes, REDUCTIONS.mean, { a: reducedCount(x.shape, attributes.axes) }),
  vjp: (g, _saved, { inputs: [x], attributes: { axes } }) => [
    () => expand(div(reshape(g, keptShape(x.shape, axes)), reducedCount(x.shape, axes)), x.shape),
  ],
});

/** Σ x / n over axes, all of them by default; NaN where there is nothing to average. */
export const mean = (x: Tensor, axes?: Axes, keepDimensions = false): Tensor =>
  meanOp([x], { axes: axesOf(axes), keepDimensions });

/** a / b, and 0 where b is 0, with gradients that are 0 there too. */
export function divideUnlessZero(a: Tensor, b: Tensor): Tensor {
  const isZero = equal(b, 0);
  return where(isZero, 0, div(a, where(isZero, 1, b)));
}

export interface VarianceAttributes extends ReduceAttributes {
  /** Subtracted from the count in the divisor: 1 for the unbiased estimate. */
  correction: number;
}

/** What is taken off the count of a variance. */
export interface VarianceOptions {
  /** Subtracted from the count in the divisor: 1 (default) for the unbiased estimate, 0 for the mean square. */
  correction?: number;
  keepDimensions?: boolean;
}

/** n − correction, as PyTorch has it: never below 0, where the result is not finite. */
const degreesOfFreedom = (shape: readonly number[], { axes, correction }: VarianceAttributes): number =>
  Math.max(0, reducedCount(shape, axes) - correction);

/** d variance / dx · g = 2 g (x − mean) / (n − correction). */
function varianceGradient(g: Tensor, x: Tensor, attributes: VarianceAttributes): Tensor {
  const { axes } = attributes;
  const scaled = mul(div(reshape(g, keptShape(x.shape, axes)), degreesOfFreedom(x.shape, attributes)), 2);
  return mul(sub(x, mean(x, axes, true)), expand(scaled, x.shape));
}

/** y = Σ (x − mean)² / (n − correction) over axes, in one pass that keeps its digits when the mean is large. */
export const varianceOp = defineOp<VarianceAttributes>({
  name: "variance",
  infer: ([x], attributes) => inferReduce("variance", x, attributes, REDUCTIONS.variance),
  forward: ([x], attributes) =>
    reduceForward("variance", x, attributes, REDUCTIONS.variance, { a: degreesOfFreedom(x.shape, attributes) }),
  save: ([x]) => [x],
  vjp: (g, [x], { attributes }) => [() => varianceGradient(g, x, attributes)],
});

/** y = √variance. */
export const stdOp = defineOp<VarianceAttributes>({
  name: "std",
  infer: ([x], attributes) => inferReduce("std", x, attributes, REDUCTIONS.std),
  forward: ([x], attributes) =>
    reduceForward("std", x, attributes, REDUCTIONS.std, { a: degreesOfFreedom(x.shape, attributes) }),
  save: ([x], [y]) => [x, y],
  vjp: (g, [x, y], { attributes }) => [() => varianceGradient(divideUnlessZero(div(g, 2), y), x, attributes)],
});

/**
 * Σ (x − mean)² / (n − correction) over axes, all of them by default (PyTorch's var). NaN where there is nothing, or where
 * one element is all there is and `correction` is 1.
 */
export const variance = (x: Tensor, axes?: Axes, options: VarianceOptions = {}): Tensor =>
  varianceOp([x], { axes: axesOf(axes), correction: options.correction ?? 1, keepDimensions: options.keepDimensions });

/** √variance; its gradient is 0 where all elements are equal. Options as for {@link variance}. */
export const std = (x: Tensor, axes?: Axes, options: VarianceOptions = {}): Tensor =>
  stdOp([x], { axes: axesOf(axes), correction: options.correction ?? 1, keepDimensions: options.keepDimensions });
