import { requireFloat32 } from "../../../kernels/launch.ts";
import { attentionSoftmaxForward, softmaxBackward, softmaxForward } from "../../../kernels/normalization/softmax.ts";
import {
  broadcastShapes,
  formatShape,
  isFloat,
  normalizeAxis,
  shapesEqual,
  type Tensor,
  tidy,
} from "../../../tensor/index.ts";
import { defineOp, type Spec } from "../../define-op.ts";
import { sum, sumTo } from "../broadcast.ts";
import { exp, mul, sub } from "../elementwise/index.ts";
import { reshape } from "../shape/views.ts";

export interface AxisAttributes {
  axis: number;
}

function inferAxis(op: string, x: Tensor, axis: number): Spec {
  requireFloat32(op, x);
  normalizeAxis(op, axis, x.rank);
  return x;
}

/** y (g − Σ g y): the gradient of a softmax from its output. */
const plainVjp = (g: Tensor, y: Tensor, axis: number): Tensor => mul(y, sub(g, sum(mul(g, y), axis, true)));

/** y = exp(x − max x) / Σ exp(x − max x) along one axis. A row with +∞, NaN or −∞ alone is NaN, as in PyTorch. */
export const softmaxOp = defineOp<AxisAttributes>({
  name: "softmax",
  infer: ([x], { axis }) => inferAxis("softmax", x, axis),
  forward: ([x], { axis }) => softmaxForward("softmax", x, { axis: normalizeAxis("softmax", axis, x.rank) }),
  save: (_inputs, [y]) => [y],
  vjp: (g, [y], { attributes: { axis }, createGraph }) => [
    () => {
      if (createGraph) return plainVjp(g, y, axis);
      return softmaxBackward("softmax backward", g, y, normalizeAxis("softmax", axis, y.rank));
    },
  ],
});

/** y = x − max x − ln Σ exp(x − max x) along one axis. */
export const logSoftmaxOp = defineOp<AxisAttributes>({
  name: "logSoftmax",
  infer: ([x], { axis }) => inferAxis("logSoftmax", x, axis),
  forward: ([x], { axis }) =>
    softmaxForward("logSoftmax", x, { log: true, axis: normalizeAxis("logSoftmax", axis, x.rank) }),
  save: (_inputs, [y]) => [y],
  vjp: (g, [y], { attributes: { axis } }) => [() => sub(g, mul(exp(y), sum(g, axis, true)))],
});

/** A mask or bias must broadcast to the scores, not the other way round. */
function requireBroadcastable(what: string, x: Tensor, scores: Tensor): void {
  const common = broadcastShapes("attentionSoftmax", x.shape, scores.shape);
  if (!shapesEqual(common, scores.shape)) {
    throw new Error(
      `attentionSoftmax: a ${what} of shape ${formatShape(x.shape)} does not broadcast to scores ${formatShape(scores.shape)}`,
    );
  }
}

/** Of the inputs behind the scores, an integer or bool is the mask, a float the bias. */
const masksOf = ([, ...others]: readonly Tensor[]): { mask?: Tensor; bias?: Tensor } => ({
  mask: others.find((x) => !isFloat(x.dtype)),
  bias: others.find((x) => isFloat(x.dtype)),
});

/**
 * Softmax of attention scores [..., Q, K] over the keys. Query i sees the first `reach` + i keys, or all; a further
 * input of an integer type or bool hides keys where it is 0, and a float one is added to the scores, both broadcast to
 * them without a copy. Hidden entries are 0, and so is a row that sees nothing.
 */
export const attentionSoftmaxOp = defineOp<{ reach?: number }>({
  name: "attentionSoftmax",
  infer: (inputs, { reach }) => {
    const [scores] = inputs;
    inferAxis("attentionSoftmax", scores, -1);
    if (scores.rank < 2) {
      throw new Error(`attentionSoftmax: expected scores [..., Q, K], got ${formatShape(scores.shape)}`);
    }
    if (reach !== undefined && !(Number.isInteger(reach) && reach >= 0)) {
      throw new Error(`attentionSoftmax: the first query sees ${reach} keys, expected a number from 0`);
    }
    const { mask, bias } = masksOf(inputs);
    if (mask) requireBroadcastable("mask", mask, scores);
    if (bias) {
      requireFloat32("attentionSoftmax", bias);
      requireBroadcastable("bias", bias, scores);
    }
    return scores;
  },
  forward: (inputs, { reach }) => attentionSoftmaxForward("attentionSoftmax", inputs[0], { reach, ...masksOf(inputs) }),
  save: (_inputs, [y]) => [y],
  vjp: (g, [y], { createGraph, inputs }) => {
    let shared: Tensor | undefined;
    const gradient = (): Tensor => {
      shared ??= createGraph ? plainVjp(g, y, -1) : softmaxBackward("attentionSoftmax backward", g, y);
      return shared;
    };
    return inputs.map(({ shape, dtype }) => (isFloat(dtype) ? () => sumTo(gradient(), shape) : null));
  },
});

/** Applies a function of tensors with axes to a scalar as well, as to its only element. */
/* @__NO_SIDE_EFFECTS__ */ const alsoOfScalars =
  (fn: (x: Tensor, axis: number) => Tensor) =>
  (x: Tensor, axis = -1): Tensor =>
    x?.rank === 0 ? tidy(() => reshape(fn(reshape(x, [1]), axis), [])) : fn(x, axis);

/** exp(x) / Σ exp(x) along one axis, the last by default. A row with +∞, NaN or −∞ alone is NaN, as in PyTorch. */
export const softmax = alsoOfScalars((x, axis) => softmaxOp([x], { axis }));
/** x − ln Σ exp(x) along one axis, the last by default. A row with +∞, NaN or −∞ alone is NaN, as in PyTorch. */
export const logSoftmax = alsoOfScalars((x, axis) => logSoftmaxOp([x], { axis }));

export interface AttentionSoftmaxOptions {
  /** Query i sees the first `reach` + i keys; all when undefined. */
  reach?: number;
  /** Integer or bool, broadcastable to the scores: 0 hides. */
  mask?: Tensor;
  /** Added to the scores, broadcastable to them. */
  bias?: Tensor;
}

/** Softmax of attention scores [..., Q, K] over the keys that each query may see. */
export const attentionSoftmax = (scores: Tensor, { reach, mask, bias }: AttentionSoftmaxOptions = {}): Tensor =>
  attentionSoftmaxOp([scores, ...(mask ? [mask] : []), ...(bias ? [bias] : [])], { reach });
