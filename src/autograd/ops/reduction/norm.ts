import * as REDUCTIONS from "../../../kernels/reduction/reduction-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { expand } from "../broadcast.ts";
import { abs, equal, mul, pow, sign, where } from "../elementwise/index.ts";
import { reshape } from "../shape/views.ts";
import { type Axes, axesOf, inferReduce, keptShape, type ReduceAttributes, reduceForward } from "./attributes.ts";
import { shareAmongEqual } from "./extrema.ts";
import { divideUnlessZero } from "./statistics.ts";

/** Order of a norm, and the axes it is taken over. */
export interface NormOptions {
  /** The exponent p: any number; ∞ for the largest magnitude, −∞ for the least, 0 for the count of what is not zero. */
  order?: number;
  /** Axes that make one vector; all by default. */
  axes?: Axes;
  keepDimensions?: boolean;
}

export interface NormAttributes extends ReduceAttributes {
  order: number;
}

function reductionOf(order: number) {
  if (order === 0) return REDUCTIONS.countNonzero;
  if (order === 1) return REDUCTIONS.sumOfMagnitudes;
  if (order === 2) return REDUCTIONS.norm;
  if (order === Number.POSITIVE_INFINITY) return REDUCTIONS.maxMagnitude;
  return order === Number.NEGATIVE_INFINITY ? REDUCTIONS.minMagnitude : REDUCTIONS.powerNorm;
}

function infer(x: Tensor, attributes: NormAttributes) {
  const { order, axes } = attributes;
  if (Number.isNaN(order)) throw new Error("norm: the order is NaN");
  const spec = inferReduce("norm", x, attributes, reductionOf(order));
  // As for the least magnitude, there is no neutral element.
  if (order < 0) inferReduce("norm", x, { axes }, REDUCTIONS.minMagnitude);
  return spec;
}

/** d‖x‖ₚ/dx · g = g sign(x) |x|^(p − 1) ‖x‖^(1 − p), and 0 where x or the norm is 0. */
function powerGradient(g: Tensor, x: Tensor, y: Tensor, order: number): Tensor {
  const nonzero = (v: Tensor): Tensor => where(equal(v, 0), 1, v);
  const scale = where(equal(y, 0), 0, mul(g, pow(nonzero(y), 1 - order)));
  return mul(mul(sign(x), pow(nonzero(abs(x)), order - 1)), scale);
}

/** y = (Σ |x|^p)^(1/p) over axes, with its limits for p = ∞, −∞ and 0. */
export const normOp = defineOp<NormAttributes>({
  name: "norm",
  infer: ([x], attributes) => infer(x, attributes),
  forward: ([x], attributes) => {
    const { order } = attributes;
    return reduceForward("norm", x, attributes, reductionOf(order), { a: order, b: 1 / order });
  },
  save: ([x], [y]) => [x, y],
  vjp: (g, [x, y], { attributes: { order, axes } }) => [
    () => {
      const kept = keptShape(x.shape, axes);
      const [gradient, norms] = [reshape(g, kept), reshape(y, kept)];
      if (order === 0) return expand(mul(gradient, 0), x.shape);
      if (order === 1) return mul(sign(x), gradient);
      if (order === 2) return mul(x, divideUnlessZero(gradient, norms));
      if (!Number.isFinite(order)) return mul(sign(x), shareAmongEqual(g, abs(x), y, axes));
      return powerGradient(gradient, x, norms, order);
    },
  ],
});

/**
 * ‖x‖ₚ = (Σ |x|^p)^(1/p) over axes, all of them by default, as `torch.linalg.vector_norm`. The gradient is 0 for a vector of
 * zeros; equal extremes share it.
 *
 * @throws when a vector has no elements and the order is negative or ∞.
 */
export const norm = (x: Tensor, options: NormOptions = {}): Tensor =>
  normOp([x], {
    order: options.order ?? 2,
    axes: axesOf(options.axes),
    keepDimensions: options.keepDimensions ?? false,
  });
