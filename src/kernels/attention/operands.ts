import type { LiveNumber } from "../../gpu/index.ts";
import { expandView, type Shape, sizeOf, sliceView, type Tensor } from "../../tensor/index.ts";
import { contiguous, copy } from "../copy.ts";
import { mergeAxes } from "../strided.ts";
import { fitsBinding, requireBindable } from "../windows.ts";

/** Dropout with probability p; which elements it drops depends on the seed and their places alone. */
export interface Dropping {
  p: number;
  seed: LiveNumber;
}

/** What attention reads, with any strides; axes in front of the last two broadcast to those of the queries. */
export interface AttentionInputs {
  /** [...batch, groups, Q, width]: the last batch axis counts queries that share keys and values. */
  query: Tensor;
  /** [...batch, groups or 1, K, width] */
  key: Tensor;
  /** [...batch, groups or 1, K, value width] */
  value: Tensor;
  /** Of i32, u32 or bool, broadcastable to [...batch, groups, Q, K]: 0 hides. */
  mask?: Tensor;
  /** Added to the scaled scores, broadcastable to them. */
  bias?: Tensor;
  /** Factor of the scores. */
  scale: number;
  /** Query i sees the first `reach` + i keys; all when undefined. */
  reach?: number;
  /** Of probabilities, by their places in [...batch, groups, Q, K]; without a bias, and where all fits into bindings. */
  dropout?: Dropping;
}

/** A tensor of a kernel: [...batch, groups, rows, columns]. */
export interface Operand {
  view: Tensor;
  /** Whether its rows are those that a kernel makes tile by tile, so that they can be cut. */
  hasRows: boolean;
  /**
   * An operand has unit stride along its columns, a mask any strides, and both may be copied. Results are bound as one,
   * what is written besides on its own.
   */
  use: "operand" | "mask" | "result" | "written";
}

/** Batch axes in front of the groups that a kernel walks. */
const BATCH_AXES = 2;

/** The views with their batch axes merged into two, or null when more are left. */
function merged(op: string, views: readonly Tensor[]): Tensor[] | null {
  const front = views[0].rank - 3;
  const { shape, strides } = mergeAxes(
    op,
    views[0].shape.slice(0, front),
    views.map((view) => view.strides.slice(0, front)),
  );
  if (shape.length > BATCH_AXES) return null;
  const missing = BATCH_AXES - shape.length;
  return views.map((view, i) =>
    view.view(
      [...new Array<number>(missing).fill(1), ...shape, ...view.shape.slice(front)],
      [...new Array<number>(missing).fill(0), ...strides[i], ...view.strides.slice(front)],
    ),
  );
}

/** As a kernel reads it: unit stride along the columns. */
const withUnitColumns = (x: Tensor): Tensor =>
  x.shape[x.rank - 1] === 1 || x.strides[x.rank - 1] === 1 ? x : contiguous(x);

const isCopyable = ({ use }: Operand): boolean => use === "operand" || use === "mask";

/** Gives operands common batch axes in front of the groups, two of them. */
export function alignOperands(op: string, batch: Shape, operands: readonly Operand[]): Operand[] {
  const views = operands.map(({ view, use }) => {
    const readable = use === "operand" ? withUnitColumns(view) : view;
    return expandView(readable, [...batch.slice(0, -1), ...view.shape.slice(-3)]);
  });
  const aligned =
    merged(op, views) ??
    merged(
      op,
      views.map((view, i) => (isCopyable(operands[i]) ? copy(view) : view)),
    )!;
  return operands.map((operand, i) => ({ ...operand, view: aligned[i] }));
}

/** The part of a storage from the first to the last element of some views of it. */
export function coverOf(views: readonly Tensor[]): Tensor {
  const begin = Math.min(...views.map(({ offset }) => offset));
  const end = Math.max(...views.map((view) => view.offset + extentOf(view.shape, view.strides)));
  return views[0].view([end - begin], [1], begin);
}

/** Elements from the first to the last of a view. */
const extentOf = (shape: Shape, strides: readonly number[]): number =>
  shape.reduce((sum, length, axis) => sum + (length - 1) * strides[axis], 1);

/** A part of the work whose operands can all be bound. */
export interface Part {
  views: readonly Tensor[];
  /** Its first row. */
  begin: number;
}

/**
 * Cuts the work along batch axes and rows until each part can be bound: into one part when all fits. Results are bound
 * as one.
 *
 * @throws MemoryLimitError naming the op, before anything is recorded, when the operands of one batch index do not fit.
 */
export function partsOf(op: string, operands: readonly Operand[], dropout?: Dropping): Part[] {
  // What is dropped is told from places in the whole.
  if (dropout) {
    const views = operands.map(({ view }) => view);
    requireBindable(op, ...views);
    return [{ views, begin: 0 }];
  }
  try {
    return cut(
      op,
      operands,
      operands.map(({ view }) => view),
      0,
    );
  } catch (error) {
    const compact = compacted(operands);
    if (!compact) throw error;
    return cut(op, operands, compact, 0);
  }
}

function cut(op: string, operands: readonly Operand[], views: readonly Tensor[], begin: number): Part[] {
  const results = views.filter((_, i) => operands[i].use === "result");
  const large =
    views.find((view, i) => operands[i].use !== "result" && !fitsBinding(view)) ??
    (fitsBinding(coverOf(results)) ? undefined : results[0]);
  if (!large) return [{ views, begin }];
  const { hasRows } = operands[views.indexOf(large)];
  // Where results have no groups, these are added up and stay together.
  const axes = [0, 1, ...(results[0].shape[2] > 1 ? [2] : []), ...(hasRows ? [3] : [])];
  const spans = axes.map((axis) => (large.shape[axis] - 1) * large.strides[axis]);
  const widest = Math.max(...spans);
  if (widest <= 0) {
    requireBindable(op, large);
    throw new Error(`${op}: the results of one row exceed a binding`);
  }
  const axis = axes[spans.indexOf(widest)];
  const length = large.shape[axis];
  const middle = Math.ceil(length / 2);
  return [
    [0, middle],
    [middle, length],
  ].flatMap(([from, to]) => {
    const parts = views.map((view, i) => {
      const isCut = axis === 3 ? operands[i].hasRows : view.shape[axis] === length;
      return isCut ? sliceView(view, axis, from, to) : view;
    });
    return cut(op, operands, parts, axis === 3 ? begin + from : begin);
  });
}

/**
 * Copies without gaps of what spans more than a binding at a single batch index, as the heads of a joint projection may, or a mask across its rows;
 * null when that would not help.
 */
function compacted(operands: readonly Operand[]): Tensor[] | null {
  const { maxStorageBufferBindingSize: limit, minStorageBufferOffsetAlignment: alignment } =
    operands[0].view.gpu.limits;
  const room = (limit - alignment) / 4 - 4;
  // What has rows can be cut down to one of them.
  const own = operands.map(({ hasRows }) => (hasRows ? 4 : 3));
  const isWide = operands.map(({ view }, i) => extentOf(view.shape.slice(own[i]), view.strides.slice(own[i])) > room);
  const helps = operands.every(
    (operand, i) => !isWide[i] || (isCopyable(operand) && sizeOf(operand.view.shape.slice(own[i])) <= room),
  );
  return helps && isWide.includes(true) ? operands.map(({ view }, i) => (isWide[i] ? copy(view) : view)) : null;
}

/** Strides along the batch axes and the rows, as a kernel takes them. */
export const stridesOf = (view: Tensor): number[] =>
  view.strides.slice(0, 4).map((stride, axis) => (view.shape[axis] === 1 ? 0 : stride));

/** Whether operands can be read four elements at a time. */
export const areVectors = (views: readonly Tensor[]): boolean =>
  views.every((view) => {
    const lengths = [view.shape[4], view.offset, ...stridesOf(view)];
    return lengths.every((length) => length % 4 === 0);
  });
