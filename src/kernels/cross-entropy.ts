import crossEntropySource from "../../shaders/cross-entropy.wgsl";
import crossEntropyBackwardSource from "../../shaders/cross-entropy-backward.wgsl";
import { defineKernel } from "../gpu/index.ts";
import { formatShape, reshapeView, sliceView, type Tensor, tidy, transposeView } from "../tensor/index.ts";
import { contiguous, copy } from "./copy.ts";
import { gridOf, launch, output, ROW_VARIANTS, requireFloat32, rowGrid, rowVariant } from "./launch.ts";
import { matmulInto } from "./matmul.ts";
import { rowWindows } from "./windows.ts";

const forwardKernel = defineKernel({
  name: "cross-entropy",
  source: crossEntropySource,
  bindings: { logits: "read", labels: "read", state: "read_write" },
  params: {
    rows: "u32",
    columns: "u32",
    first: "u32",
    isFirst: "u32",
    isLast: "u32",
    ignoreIndex: "i32",
    rowStride: "u32",
    logitsOffset: "u32",
    labelsOffset: "u32",
    stateOffset: "u32",
  },
  variants: () => ROW_VARIANTS,
});

const backwardKernel = defineKernel({
  name: "cross-entropy-backward",
  source: crossEntropyBackwardSource,
  bindings: { state: "read", labels: "read", g: "read", logits: "read_write" },
  params: {
    count: "u32",
    columns: "u32",
    first: "u32",
    ignoreIndex: "i32",
    rowStride: "u32",
    stateOffset: "u32",
    labelsOffset: "u32",
    gOffset: "u32",
    logitsOffset: "u32",
  },
});

/** Bytes of logits that exist at a time in the fused loss: 16 MiB. */
const LOGITS_BYTES = 1 << 24;

interface Window {
  /** First vocabulary index. */
  first: number;
  isFirst: boolean;
  isLast: boolean;
}

function accumulateWindow(logits: Tensor, labels: Tensor, state: Tensor, window: Window, ignoreIndex: number): void {
  const [rows, columns] = logits.shape;
  const spec = rowVariant(logits);
  const params = {
    rows,
    columns,
    first: window.first,
    isFirst: window.isFirst ? 1 : 0,
    isLast: window.isLast ? 1 : 0,
    ignoreIndex,
    rowStride: logits.strides[0],
  };
  launch("crossEntropy", forwardKernel.variant(spec), [logits, labels, state], params, rowGrid(rows, spec));
}

function toGradient(
  logits: Tensor,
  labels: Tensor,
  state: Tensor,
  g: Tensor,
  first: number,
  ignoreIndex: number,
): void {
  const [, columns] = logits.shape;
  const params = { count: logits.size, columns, first, ignoreIndex, rowStride: logits.strides[0] };
  launch("crossEntropy backward", backwardKernel.variant(), [state, labels, g, logits], params, gridOf(logits.size));
}

function checkLabels(op: string, rows: number, labels: Tensor): void {
  if (labels.dtype !== "i32") throw new Error(`${op}: labels must be i32, got ${labels.dtype}`);
  if (labels.rank !== 1 || labels.size !== rows) {
    throw new Error(`${op}: ${rows} rows need labels of shape [${rows}], got ${formatShape(labels.shape)}`);
  }
}

/** The losses in a state [rows, 4] as a tensor [rows]. */
const lossesOf = (state: Tensor): Tensor => copy(reshapeView(sliceView(state, 1, 3, 4), [state.shape[0]])!);

/** Losses [rows] of logits [rows, classes], and the state the backward needs. */
export function crossEntropyForward(logits: Tensor, labels: Tensor, ignoreIndex: number): [Tensor, Tensor] {
  requireFloat32("crossEntropy", logits);
  checkLabels("crossEntropy", logits.shape[0], labels);
  const state = output("crossEntropy", logits, [logits.shape[0], 4]);
  if (logits.size > 0) {
    const whole = { first: 0, isFirst: true, isLast: true };
    accumulateWindow(contiguous(logits), contiguous(labels), state, whole, ignoreIndex);
  }
  return [lossesOf(state), state];
}

export function crossEntropyBackward(
  g: Tensor,
  logits: Tensor,
  labels: Tensor,
  state: Tensor,
  ignoreIndex: number,
): Tensor {
  const gradient = copy(logits);
  if (logits.size > 0) toGradient(gradient, contiguous(labels), state, contiguous(g), 0, ignoreIndex);
  return gradient;
}

/** Vocabulary windows of the weight [classes, width], so small that the logits of all rows stay within a fixed size. */
const vocabularyWindows = (weight: Tensor, rows: number): [number, number][] =>
  rowWindows(weight, Math.max(64, Math.floor(LOGITS_BYTES / 4 / Math.max(rows, 1) / 64) * 64));

/**
 * Losses [rows] of the logits x · weightᵀ, which never exist as a whole: the vocabulary passes in windows, and each
 * row keeps a running maximum and sum. x [rows, width], weight [classes, width].
 */
export function linearCrossEntropyForward(
  x: Tensor,
  weight: Tensor,
  labels: Tensor,
  ignoreIndex: number,
): [Tensor, Tensor] {
  requireFloat32("linearCrossEntropy", x, weight);
  const rows = x.shape[0];
  checkLabels("linearCrossEntropy", rows, labels);
  const state = output("linearCrossEntropy", x, [rows, 4]);
  const classes = weight.shape[0];
  for (const [begin, end] of vocabularyWindows(weight, rows)) {
    tidy(() => {
      const logits = output("linearCrossEntropy", x, [rows, end - begin]);
      matmulInto("linearCrossEntropy", x, transposeView(sliceView(weight, 0, begin, end)), logits);
      const window = { first: begin, isFirst: begin === 0, isLast: end === classes };
      accumulateWindow(logits, contiguous(labels), state, window, ignoreIndex);
    });
  }
  return [lossesOf(state), state];
}

/** Gradients of x and weight; each only when wanted. The logits of a window are computed again. */
export function linearCrossEntropyBackward(
  g: Tensor,
  x: Tensor,
  weight: Tensor,
  labels: Tensor,
  state: Tensor,
  ignoreIndex: number,
  want: { x: boolean; weight: boolean },
): { x?: Tensor; weight?: Tensor } {
  const op = "linearCrossEntropy backward";
  const rows = x.shape[0];
  const dx = want.x ? output(op, x, x.shape) : undefined;
  const dweight = want.weight ? output(op, weight, weight.shape) : undefined;
  for (const [begin, end] of vocabularyWindows(weight, rows)) {
    tidy(() => {
      const window = sliceView(weight, 0, begin, end);
      const logits = output(op, x, [rows, end - begin]);
      matmulInto(op, x, transposeView(window), logits);
      toGradient(logits, contiguous(labels), state, contiguous(g), begin, ignoreIndex);
      if (dx) matmulInto(op, logits, window, dx, { accumulate: begin > 0 });
      if (dweight) matmulInto(op, transposeView(logits), x, sliceView(dweight, 0, begin, end));
    });
  }
  return { x: dx, weight: dweight };
}
