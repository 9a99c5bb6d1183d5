import * as REDUCTIONS from "../../../kernels/reduction/reduction-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { expand } from "../broadcast.ts";
import { exp, mul, sub } from "../elementwise/index.ts";
import { reshape } from "../shape/views.ts";
import { type Axes, axesOf, inferReduce, keptShape, type ReduceAttributes, reduceForward } from "./attributes.ts";

/** y = ln Σ exp x over axes, without overflow; the gradient is g · exp(x − y), the softmax. */
export const logsumexpOp = defineOp<ReduceAttributes>({
  name: "logsumexp",
  infer: ([x], attributes) => inferReduce("logsumexp", x, attributes, REDUCTIONS.logsumexp),
  forward: ([x], attributes) => reduceForward("logsumexp", x, attributes, REDUCTIONS.logsumexp),
  save: ([x], [y]) => [x, y],
  vjp: (g, [x, y], { attributes: { axes } }) => [
    () => {
      const kept = keptShape(x.shape, axes);
      const weights = exp(sub(x, expand(reshape(y, kept), x.shape)));
      return mul(expand(reshape(g, kept), x.shape), weights);
    },
  ],
});

/** ln Σ exp x over axes, all of them by default; −∞ where there is nothing. */
export const logsumexp = (x: Tensor, axes?: Axes, keepDimensions = false): Tensor =>
  logsumexpOp([x], { axes: axesOf(axes), keepDimensions });
