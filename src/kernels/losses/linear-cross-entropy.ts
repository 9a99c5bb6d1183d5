import { reshapeView, sliceView, type Tensor, tidy, transposeView } from "../../tensor/index.ts";
import { contiguous, fillWith } from "../copy.ts";
import { output } from "../launch.ts";
import { matmulInto } from "../matmul/matmul.ts";
import { reduce } from "../reduction/reduce.ts";
import * as REDUCTIONS from "../reduction/reduction-functions.ts";
import { forRowWindows, requireBindable } from "../windows.ts";
import {
  labelWeights,
  pieceColumns,
  type RowLabels,
  rowLosses,
  rowSlopes,
  storedColumns,
} from "./row-cross-entropy.ts";

/** Bytes of logits that exist at a time: 32 MiB, or 16 rows. */
const LOGITS_BYTES = 1 << 25;
/** Classes in a part of the sum that the gradient of x is. */
const STRETCH = 4096;

/**
 * Chunks [begin, end) of the rows, as equal as can be, so that the logits of each stay within a fixed size: of whole tiles
 * of a product where there is room for them.
 */
function chunksOf(rows: number, classes: number): [number, number][] {
  const fitting = Math.floor(LOGITS_BYTES / 4 / storedColumns(classes));
  const grain = fitting < 64 ? 16 : 64;
  const most = Math.max(1, Math.floor(fitting / grain)) * grain;
  const length = Math.ceil(rows / Math.ceil(rows / most) / grain) * grain;
  const chunks: [number, number][] = [];
  for (let begin = 0; begin < rows; begin += length) chunks.push([begin, Math.min(begin + length, rows)]);
  return chunks;
}

export interface LinearCrossEntropyInputs {
  /** [rows, width]. */
  x: Tensor;
  /** [classes, width]. */
  weight: Tensor;
  /** [rows] of i32. */
  labels: Tensor;
  ignoreIndex: number;
}

/** Which gradients are wanted. */
export interface Wanted {
  x: boolean;
  weight: boolean;
}

/** Gradients by x and weight; each only where it is wanted. */
export interface LinearGradients {
  x?: Tensor;
  weight?: Tensor;
}

const labelsOf = ({ labels, weight, ignoreIndex }: LinearCrossEntropyInputs): RowLabels => ({
  labels: contiguous(labels),
  ignoreIndex,
  classes: weight.shape[0],
});

/** Σ of what the labels weigh, a scalar: how many count, NaN where one is no class. */
function labelCount(op: string, inputs: LinearCrossEntropyInputs): Tensor {
  return reshapeView(reduce(op, labelWeights(op, inputs.weight, labelsOf(inputs)), REDUCTIONS.sum), []) as Tensor;
}

/** A row of logits is made and read whole: refuses one that cannot be, before anything runs. */
function requireRow(op: string, { x, weight }: LinearCrossEntropyInputs): void {
  tidy(() => requireBindable(op, output(op, x, [1, storedColumns(weight.shape[0])])));
}

/** Runs `body` over the chunks of the rows, with the logits of each [rows, stored columns]. */
function forChunks(
  op: string,
  { x, weight }: LinearCrossEntropyInputs,
  body: (logits: Tensor, begin: number, end: number) => void,
): void {
  const [classes] = weight.shape;
  for (const [begin, end] of chunksOf(x.shape[0], classes)) {
    tidy(() => {
      const logits = output(op, x, [end - begin, storedColumns(classes)]);
      matmulInto(op, sliceView(x, 0, begin, end), transposeView(weight), sliceView(logits, 1, 0, classes));
      body(logits, begin, end);
    });
  }
}

/** Makes the gradients of a chunk from that of its logits: some rows of dx, and one more term of dweight. */
function addChunk(op: string, slopes: Tensor, inputs: LinearCrossEntropyInputs, into: LinearGradients, begin: number) {
  const { x, weight } = inputs;
  const [rows] = slopes.shape;
  const g = sliceView(slopes, 1, 0, weight.shape[0]);
  if (into.x) multiplyInStretches(op, g, weight, sliceView(into.x, 0, begin, begin + rows));
  if (into.weight) {
    const part = sliceView(x, 0, begin, begin + rows);
    matmulInto(op, transposeView(g), part, into.weight, { accumulate: begin > 0 });
  }
}

/**
 * y = g · weight [rows, width], the classes in stretches: products of one stretch each, side by side, then their sum in
 * order. So there is work for many workgroups however few the rows are.
 */
function multiplyInStretches(op: string, g: Tensor, weight: Tensor, y: Tensor): void {
  const [rows, classes] = g.shape;
  const width = weight.shape[1];
  const whole = Math.floor(classes / STRETCH);
  const rest = whole * STRETCH;
  const count = Math.ceil(classes / STRETCH);
  if (count <= 1) {
    matmulInto(op, g, weight, y);
    return;
  }
  const parts = output(op, y, [count, rows, width]);
  const [gRow, gColumn] = g.strides;
  const [weightRow, weightColumn] = weight.strides;
  matmulInto(
    op,
    g.view([whole, rows, STRETCH], [STRETCH * gColumn, gRow, gColumn]),
    weight.view([whole, STRETCH, width], [STRETCH * weightRow, weightRow, weightColumn]),
    sliceView(parts, 0, 0, whole),
  );
  if (rest < classes) {
    const last = reshapeView(sliceView(parts, 0, whole, count), [rows, width]) as Tensor;
    matmulInto(op, sliceView(g, 1, rest, classes), sliceView(weight, 0, rest, classes), last);
  }
  reduce(op, parts, REDUCTIONS.sum, [0], { into: y });
}

export interface LinearCrossEntropyResult extends LinearGradients {
  /** [rows]: 0 where the label is ignored. */
  losses: Tensor;
  /** [rows, 2], as `rowLosses` leaves it. */
  state: Tensor;
  /** How many labels count, of a mean. */
  divisor?: Tensor;
}

const makeGradients = (
  op: string,
  { x, weight }: LinearCrossEntropyInputs,
  want: Wanted,
  place?: Tensor,
): LinearGradients => ({
  x: want.x ? output(op, x, x.shape) : undefined,
  weight: want.weight ? (place ?? output(op, weight, weight.shape)) : undefined,
});

/**
 * Losses of the logits x · weightᵀ, which never exist as a whole: the rows pass in chunks, with all classes of each. The
 * gradients that are wanted, those of the sum or mean of the losses, are made of each chunk's logits while they are
 * there, so that no product is made twice. dweight has one term a chunk, added in order, each a sum over the
 * chunk's rows in order; chunks depend on the shapes alone. It is written to `place` where that is given.
 */
export function linearCrossEntropyForward(
  op: string,
  inputs: LinearCrossEntropyInputs,
  want: Wanted,
  { isMean = false, place }: { isMean?: boolean; place?: Tensor } = {},
): LinearCrossEntropyResult {
  requireRow(op, inputs);
  const [rows] = inputs.x.shape;
  const divisor = isMean ? labelCount(op, inputs) : undefined;
  const losses = output(op, inputs.x, [rows]);
  const state = output(op, inputs.x, [rows, 2]);
  const gradients = makeGradients(op, inputs, want, place);
  if (rows === 0) {
    if (gradients.weight) fillWith(gradients.weight, 0);
    return { losses, state, divisor, ...gradients };
  }
  const all = labelsOf(inputs);
  forChunks(op, inputs, (logits, begin, end) => {
    const part = (t: Tensor): Tensor => sliceView(t, 0, begin, end);
    const pieces = output(op, logits, [end - begin, pieceColumns(logits.shape[1])]);
    forRowWindows(op, [logits, pieces, part(all.labels), part(state), part(losses)], ([x, room, labels, s, l]) => {
      rowLosses(op, x, { ...all, labels }, room, s, l);
      if (want.x || want.weight) rowSlopes(op, x, { ...all, labels }, s, { divisor });
    });
    addChunk(op, logits, inputs, gradients, begin);
  });
  return { losses, state, divisor, ...gradients };
}

/** Gradients from that of each loss, g [rows]; logits are computed again. */
export function linearCrossEntropyBackward(
  op: string,
  g: Tensor,
  inputs: LinearCrossEntropyInputs,
  state: Tensor,
  want: Wanted,
): LinearGradients {
  const gradients = makeGradients(op, inputs, want);
  if (inputs.x.shape[0] === 0) {
    if (gradients.weight) fillWith(gradients.weight, 0);
    return gradients;
  }
  const all = labelsOf(inputs);
  const incoming = contiguous(g);
  forChunks(op, inputs, (logits, begin, end) => {
    const part = (t: Tensor): Tensor => sliceView(t, 0, begin, end);
    forRowWindows(op, [logits, part(all.labels), part(state), part(incoming)], ([x, labels, s, rows]) => {
      rowSlopes(op, x, { ...all, labels }, s, { rows });
    });
    addChunk(op, logits, inputs, gradients, begin);
  });
  return gradients;
}
