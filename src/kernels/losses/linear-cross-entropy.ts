import { sliceView, type Tensor, tidy, transposeView } from "../../tensor/index.ts";
import { contiguous, reshaped } from "../copy.ts";
import { output } from "../launch.ts";
import { matmulInto } from "../matmul.ts";
import { requireBindable, rowWindows } from "../windows.ts";
import {
  accumulateWindow,
  type ClassTargets,
  type CrossEntropyState,
  gradientOfWindow,
  makeState,
} from "./cross-entropy.ts";

/** Bytes of logits that exist at a time: 16 MiB. */
const LOGITS_BYTES = 1 << 24;

/** Vocabulary windows of the weight [classes, width], so small that the logits of all rows stay within a fixed size. */
const vocabularyWindows = (weight: Tensor, rows: number): [number, number][] =>
  rowWindows(weight, Math.max(64, Math.floor(LOGITS_BYTES / 4 / Math.max(rows, 1) / 64) * 64));

/** The logits of a window are made and read whole: refuses rows so many that they cannot be, before anything runs. */
function requireWindows(op: string, x: Tensor, windows: readonly [number, number][]): void {
  const widest = Math.max(...windows.map(([begin, end]) => end - begin));
  tidy(() => requireBindable(op, output(op, x, [x.shape[0], widest])));
}

/** Matrices [rows, columns] as the kernels of the loss take them. */
const asRows = (logits: Tensor): Tensor => reshaped(logits, [...logits.shape, 1]);

const targetsOf = (labels: Tensor, ignoreIndex: number, weight: Tensor): ClassTargets => ({
  labels: contiguous(labels),
  ignoreIndex,
  classes: weight.shape[0],
  smoothing: 0,
});

/**
 * Losses of the logits x · weightᵀ, which never exist as a whole: the vocabulary passes in windows, and each row keeps
 * a running maximum and sum. x [rows, width], weight [classes, width], labels [rows].
 */
export function linearCrossEntropyForward(
  op: string,
  x: Tensor,
  weight: Tensor,
  labels: Tensor,
  ignoreIndex: number,
): CrossEntropyState {
  const rows = x.shape[0];
  const targets = targetsOf(labels, ignoreIndex, weight);
  const windows = vocabularyWindows(weight, rows);
  requireWindows(op, x, windows);
  const result = makeState(op, x, rows, windows.length > 1);
  if (rows === 0) return result;
  for (const [begin, end] of windows) {
    tidy(() => {
      const logits = output(op, x, [rows, end - begin]);
      matmulInto(op, x, transposeView(sliceView(weight, 0, begin, end)), logits);
      const window = { first: begin, isFirst: begin === 0, isLast: end === targets.classes };
      accumulateWindow(op, asRows(logits), targets, result, window);
    });
  }
  return result;
}

/** Gradients of x and weight from that of the losses [rows]; each only when wanted. Logits are computed again. */
export function linearCrossEntropyBackward(
  op: string,
  g: Tensor,
  x: Tensor,
  weight: Tensor,
  labels: Tensor,
  state: Tensor,
  ignoreIndex: number,
  want: { x: boolean; weight: boolean },
): { x?: Tensor; weight?: Tensor } {
  const rows = x.shape[0];
  const targets = targetsOf(labels, ignoreIndex, weight);
  const windows = vocabularyWindows(weight, rows);
  requireWindows(op, x, windows);
  const dx = want.x ? output(op, x, x.shape) : undefined;
  const dweight = want.weight ? output(op, weight, weight.shape) : undefined;
  const incoming = { g: contiguous(g) };
  for (const [begin, end] of windows) {
    tidy(() => {
      const window = sliceView(weight, 0, begin, end);
      const logits = output(op, x, [rows, end - begin]);
      matmulInto(op, x, transposeView(window), logits);
      const whole = asRows(logits);
      if (rows > 0) gradientOfWindow(op, whole, whole, targets, state, incoming, begin);
      if (dx) matmulInto(op, logits, window, dx, { accumulate: begin > 0 });
      if (dweight) matmulInto(op, transposeView(logits), x, sliceView(dweight, 0, begin, end));
    });
  }
  return { x: dx, weight: dweight };
}
