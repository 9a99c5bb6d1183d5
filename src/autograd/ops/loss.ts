import {
  crossEntropyBackward,
  crossEntropyForward,
  linearCrossEntropyBackward,
  linearCrossEntropyForward,
} from "../../kernels/cross-entropy.ts";
import { requireFloat32 } from "../../kernels/launch.ts";
import { formatShape, type Tensor } from "../../tensor/index.ts";
import { defineOp } from "../define-op.ts";
import { div, mul, notEqual, sub } from "./arithmetic.ts";
import { sum } from "./broadcast.ts";
import { matmul } from "./matmul.ts";
import { labelLike, oneHotOp } from "./one-hot.ts";
import { reshape, transpose } from "./shape.ts";
import { softmax } from "./softmax.ts";
import { cast } from "./unary.ts";

export interface CrossEntropyAttributes {
  /** Rows with this label count nothing and get no gradient. */
  ignoreIndex: number;
}

function inferLosses(op: string, rows: number, labels: Tensor): { shape: number[]; dtype: "f32" } {
  if (labels.dtype !== "i32" || labels.rank !== 1 || labels.size !== rows) {
    throw new Error(
      `${op}: ${rows} rows need i32 labels of shape [${rows}], got ${labels.dtype}${formatShape(labels.shape)}`,
    );
  }
  return { shape: [rows], dtype: "f32" };
}

/** 1 where the label counts, as a column [rows, 1]. */
const countedColumn = (labels: Tensor, ignoreIndex: number): Tensor => reshape(counted(labels, ignoreIndex), [-1, 1]);

/** The gradient in differentiable ops: (softmax − one-hot) · g, 0 where ignored. */
function plainGradient(g: Tensor, logits: Tensor, labels: Tensor, ignoreIndex: number): Tensor {
  const residual = sub(softmax(logits), oneHotOp([labels], { classes: logits.shape[1] }));
  return mul(residual, mul(reshape(g, [-1, 1]), countedColumn(labels, ignoreIndex)));
}

/** Cross-entropy of each row of logits [rows, classes]: logsumexp(x) − x[label], 0 where ignored. Result [rows]. */
export const crossEntropyOp = defineOp<CrossEntropyAttributes>({
  name: "crossEntropy",
  infer: ([logits, labels]) => {
    requireFloat32("crossEntropy", logits);
    if (logits.rank !== 2) throw new Error(`crossEntropy: expected logits of rank 2, got ${formatShape(logits.shape)}`);
    return inferLosses("crossEntropy", logits.shape[0], labels);
  },
  forward: ([logits, labels], { ignoreIndex }) => crossEntropyForward(logits, labels, ignoreIndex),
  save: ([logits, labels], [, state]) => [logits, labels, state],
  vjp: (g, [logits, labels, state], { attributes: { ignoreIndex }, createGraph }) => [
    () =>
      createGraph
        ? plainGradient(g, logits, labels, ignoreIndex)
        : crossEntropyBackward(g, logits, labels, state, ignoreIndex),
    null,
  ],
  samples: () => [
    {
      inputs: [
        { shape: [5, 7], low: -3, high: 3 },
        { shape: [5], dtype: "i32", low: 0, high: 7 },
      ],
      attributes: { ignoreIndex: -100 },
    },
    {
      inputs: [
        { shape: [65, 3], low: -3, high: 3 },
        { shape: [65], dtype: "i32", low: 0, high: 3 },
      ],
      attributes: { ignoreIndex: 1 },
    },
  ],
});

/**
 * Cross-entropy of each row of the logits x · Wᵀ, x [rows, width], W [classes, width], without ever holding all
 * logits: the classes pass in windows, forward and backward. Result [rows], 0 where ignored.
 */
export const linearCrossEntropyOp = defineOp<CrossEntropyAttributes>({
  name: "linearCrossEntropy",
  infer: ([x, weight, labels]) => {
    requireFloat32("linearCrossEntropy", x, weight);
    if (x.rank !== 2 || weight.rank !== 2 || x.shape[1] !== weight.shape[1]) {
      throw new Error(
        `linearCrossEntropy: expected [rows, width] and [classes, width], got ${formatShape(x.shape)} and ${formatShape(weight.shape)}`,
      );
    }
    return inferLosses("linearCrossEntropy", x.shape[0], labels);
  },
  forward: ([x, weight, labels], { ignoreIndex }) => linearCrossEntropyForward(x, weight, labels, ignoreIndex),
  save: ([x, weight, labels], [, state]) => [x, weight, labels, state],
  vjp: (g, [x, weight, labels, state], { attributes: { ignoreIndex }, createGraph, wants }) => {
    if (createGraph) {
      const gradient = (): Tensor => plainGradient(g, matmul(x, transpose(weight)), labels, ignoreIndex);
      return [() => matmul(gradient(), weight), () => matmul(transpose(gradient()), x), null];
    }
    // One pass over the vocabulary gives both gradients.
    let both: { x?: Tensor; weight?: Tensor } | undefined;
    const compute = (): { x?: Tensor; weight?: Tensor } => {
      const want = { x: wants(0), weight: wants(1) };
      both ??= linearCrossEntropyBackward(g, x, weight, labels, state, ignoreIndex, want);
      return both;
    };
    return [() => compute().x!, () => compute().weight!, null];
  },
  samples: () => [
    {
      inputs: [{ shape: [5, 8] }, { shape: [11, 8] }, { shape: [5], dtype: "i32", low: 0, high: 11 }],
      attributes: { ignoreIndex: -100 },
    },
    {
      inputs: [{ shape: [9, 5] }, { shape: [130, 5] }, { shape: [9], dtype: "i32", low: 0, high: 4 }],
      attributes: { ignoreIndex: 2 },
    },
  ],
});

/** 1 where a label counts, else 0, as f32 of the labels' shape. */
function counted(labels: Tensor, ignoreIndex: number): Tensor {
  return cast(notEqual(labels, labelLike(labels, ignoreIndex)), "f32");
}

export interface LossOptions {
  /** Label that counts nothing; −100 by default, as in PyTorch. */
  ignoreIndex?: number;
  /** `mean` over the counted rows (default), `sum`, or `none` for a loss a row. */
  reduction?: "mean" | "sum" | "none";
}

function reduceLosses(
  losses: Tensor,
  labels: Tensor,
  ignoreIndex: number,
  reduction: LossOptions["reduction"],
): Tensor {
  if (reduction === "none") return losses;
  if (reduction === "sum") return sum(losses);
  return div(sum(losses), sum(counted(labels, ignoreIndex)));
}

/** Cross-entropy of logits [rows, classes] with integer labels [rows]. */
export function crossEntropy(logits: Tensor, labels: Tensor, options: LossOptions = {}): Tensor {
  const { ignoreIndex = -100, reduction = "mean" } = options;
  return reduceLosses(crossEntropyOp([logits, labels], { ignoreIndex }), labels, ignoreIndex, reduction);
}

/** Cross-entropy of the logits x · Wᵀ, which are never held as a whole. */
export function linearCrossEntropy(x: Tensor, weight: Tensor, labels: Tensor, options: LossOptions = {}): Tensor {
  const { ignoreIndex = -100, reduction = "mean" } = options;
  return reduceLosses(linearCrossEntropyOp([x, weight, labels], { ignoreIndex }), labels, ignoreIndex, reduction);
}
