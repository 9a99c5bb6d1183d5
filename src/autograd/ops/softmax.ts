import { requireFloat32 } from "../../kernels/launch.ts";
import { softmaxBackward, softmaxForward } from "../../kernels/softmax.ts";
import { formatShape, normalizeAxis, type Tensor } from "../../tensor/index.ts";
import { defineOp, type Sample, type Spec } from "../define-op.ts";
import { mul, sub } from "./arithmetic.ts";
import { sum } from "./broadcast.ts";
import { permute } from "./shape.ts";
import { exp } from "./unary.ts";

type NoAttributes = Record<string, never>;

function inferRows(op: string, x: Tensor): Spec {
  requireFloat32(op, x);
  if (x.rank < 1 || x.shape[x.rank - 1] === 0)
    throw new Error(`${op}: no last axis to normalise in ${formatShape(x.shape)}`);
  return x;
}

const rowSamples = (): Sample<NoAttributes>[] =>
  [[3, 5], [2, 3, 65], [7], [17, 1]].map((shape) => ({ inputs: [{ shape, low: -4, high: 4 }], attributes: {} }));

/** y (g − Σ g y): the gradient of a softmax from its output. */
const plainVjp = (g: Tensor, y: Tensor): Tensor => mul(y, sub(g, sum(mul(g, y), -1, true)));

/** y = exp(x − max x) / Σ exp(x − max x) over the last axis. */
export const softmaxOp = defineOp<NoAttributes>({
  name: "softmax",
  infer: ([x]) => inferRows("softmax", x),
  forward: ([x]) => softmaxForward("softmax", x),
  save: (_inputs, [y]) => [y],
  vjp: (g, [y], { createGraph }) => [() => (createGraph ? plainVjp(g, y) : softmaxBackward("softmax backward", g, y))],
  samples: rowSamples,
});

/** y = x − max x − ln Σ exp(x − max x) over the last axis. */
export const logSoftmaxOp = defineOp<NoAttributes>({
  name: "logSoftmax",
  infer: ([x]) => inferRows("logSoftmax", x),
  forward: ([x]) => softmaxForward("logSoftmax", x, { log: true }),
  save: (_inputs, [y]) => [y],
  vjp: (g, [y]) => [() => sub(g, mul(exp(y), sum(g, -1, true)))],
  samples: rowSamples,
});

/**
 * Softmax of attention scores [batch, heads, Q, K] over the keys. With `causal`, query i sees keys up to K − Q + i;
 * a second input [batch, K] hides the keys where it is 0. Hidden entries are 0; a row that sees nothing is all 0.
 */
export const attentionSoftmaxOp = defineOp<{ causal: boolean }>({
  name: "attentionSoftmax",
  infer: ([scores, mask], { causal }) => {
    inferRows("attentionSoftmax", scores);
    if (scores.rank !== 4)
      throw new Error(`attentionSoftmax: expected scores of rank 4, got ${formatShape(scores.shape)}`);
    const [batch, , queries, keys] = scores.shape;
    if (causal && queries > keys) throw new Error(`attentionSoftmax: ${queries} causal queries exceed ${keys} keys`);
    if (mask && (mask.rank !== 2 || mask.shape[0] !== batch || mask.shape[1] !== keys)) {
      throw new Error(`attentionSoftmax: expected a mask of shape [${batch}, ${keys}], got ${formatShape(mask.shape)}`);
    }
    return scores;
  },
  forward: ([scores, mask], { causal }) => softmaxForward("attentionSoftmax", scores, { causal, mask }),
  save: (_inputs, [y]) => [y],
  vjp: (g, [y], { createGraph, inputs }) => [
    () => (createGraph ? plainVjp(g, y) : softmaxBackward("attentionSoftmax backward", g, y)),
    ...(inputs.length > 1 ? [null] : []),
  ],
  samples: () => [
    { inputs: [{ shape: [2, 3, 5, 5], low: -3, high: 3 }], attributes: { causal: true } },
    { inputs: [{ shape: [2, 1, 2, 7], low: -3, high: 3 }], attributes: { causal: true } },
    {
      inputs: [
        { shape: [3, 2, 4, 4], low: -3, high: 3 },
        { shape: [3, 4], dtype: "i32", low: 0, high: 2 },
      ],
      attributes: { causal: true },
    },
    {
      inputs: [
        { shape: [2, 2, 3, 65], low: -3, high: 3 },
        { shape: [2, 65], dtype: "i32", low: 0, high: 2 },
      ],
      attributes: { causal: false },
    },
  ],
});

/** Applies a function of the last axis along another. */
function alongAxis(x: Tensor, axis: number, fn: (x: Tensor) => Tensor): Tensor {
  const along = normalizeAxis("softmax", axis, x.rank);
  if (along === x.rank - 1) return fn(x);
  const axes = x.shape.map((_, i) => i);
  [axes[along], axes[x.rank - 1]] = [x.rank - 1, along];
  return permute(fn(permute(x, axes)), axes);
}

/** Softmax over one axis, the last by default. */
export const softmax = (x: Tensor, axis = -1): Tensor => alongAxis(x, axis, (y) => softmaxOp([y], {}));
/** Logarithm of the softmax over one axis, the last by default. */
export const logSoftmax = (x: Tensor, axis = -1): Tensor => alongAxis(x, axis, (y) => logSoftmaxOp([y], {}));
export const attentionSoftmax = (scores: Tensor, options: { causal: boolean; mask?: Tensor }): Tensor =>
  attentionSoftmaxOp(options.mask ? [scores, options.mask] : [scores], { causal: options.causal });
