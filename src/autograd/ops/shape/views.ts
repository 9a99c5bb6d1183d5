import { copy, copyInto, full, reshaped } from "../../../kernels/copy.ts";
import {
  assertList,
  formatShape,
  normalizeAxis,
  permuteView,
  requireTensors,
  resolveReshape,
  resolveSlice,
  type Shape,
  sliceView,
  type Tensor,
} from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";

/** The same elements in another shape; one length may be -1. A view when the strides allow it. */
export const reshapeOp = defineOp<{ shape: Shape }>({
  name: "reshape",
  infer: ([x], { shape }) => ({ shape: resolveReshape(x.shape, shape), dtype: x.dtype }),
  forward: ([x], { shape }) => reshaped(x, resolveReshape(x.shape, shape)),
  vjp: (g, _saved, { inputs: [x] }) => [() => reshape(g, x.shape)],
});

/** Axes in another order: y.shape[i] = x.shape[axes[i]]. Always a view. */
export const permuteOp = defineOp<{ axes: readonly number[] }>({
  name: "permute",
  infer: ([x], { axes }) => {
    assertList("permute", "axes", axes);
    const order = axes.map((axis) => normalizeAxis("permute", axis, x.rank));
    if (order.length !== x.rank || new Set(order).size !== x.rank) {
      throw new Error(`permute: axes ${formatShape(axes)} do not name each axis of ${formatShape(x.shape)} once`);
    }
    return { shape: order.map((axis) => x.shape[axis]), dtype: x.dtype };
  },
  forward: ([x], { axes }) => permuteView(x, axes),
  vjp: (g, _saved, { attributes: { axes } }) => [
    () => {
      const inverse = new Array<number>(axes.length);
      axes.forEach((axis, i) => {
        inverse[normalizeAxis("permute", axis, axes.length)] = i;
      });
      return permute(g, inverse);
    },
  ],
});

export interface SliceAttributes {
  axis: number;
  begin: number;
  end: number;
  /** 1 when undefined. */
  step?: number;
}

/** Elements `begin`, `begin + step`, … before `end` of one axis. Always a view. */
export const sliceOp = defineOp<SliceAttributes>({
  name: "slice",
  infer: ([x], { axis, begin, end, step = 1 }) => {
    const range = resolveSlice(x.shape, axis, begin, end, step);
    return { shape: x.shape.map((n, i) => (i === range.axis ? range.length : n)), dtype: x.dtype };
  },
  forward: ([x], { axis, begin, end, step }) => sliceView(x, axis, begin, end, step),
  vjp: (g, _saved, { inputs: [x], attributes: { axis, begin, step } }) => [
    () =>
      padAxis(
        g,
        axis,
        begin < 0 ? begin + x.shape[normalizeAxis("slice", axis, x.shape.length)] : begin,
        x.shape,
        step,
      ),
  ],
});

export interface PadAxisAttributes {
  axis: number;
  begin: number;
  shape: Shape;
  step?: number;
}

/** Zeros of a shape with `x` placed at `begin`, `begin + step`, … of one axis: the transpose of slice. */
export const padAxisOp = defineOp<PadAxisAttributes>({
  name: "padAxis",
  infer: ([x], { axis, begin, shape, step = 1 }) => {
    const along = normalizeAxis("padAxis", axis, x.rank);
    const end = begin + (x.shape[along] - 1) * step;
    const fits = x.shape.every((n, i) => (i === along ? n === 0 || end < shape[i] : n === shape[i]));
    if (!fits) {
      const place = step === 1 ? `${begin}` : `${begin} by ${step}`;
      throw new Error(
        `padAxis: ${formatShape(x.shape)} at ${place} of axis ${axis} does not fit ${formatShape(shape)}`,
      );
    }
    return { shape, dtype: x.dtype };
  },
  forward: ([x], { axis, begin, shape, step = 1 }) => {
    const along = normalizeAxis("padAxis", axis, x.rank);
    const length = x.shape[along];
    const y = full(x.gpu, shape, 0, x.dtype);
    if (length > 0) copyInto(sliceView(y, along, begin, begin + (length - 1) * step + 1, step), x);
    return y;
  },
  vjp: (g, _saved, { inputs: [x], attributes: { axis, begin, step = 1 } }) => [
    () => {
      const length = x.shape[normalizeAxis("padAxis", axis, x.shape.length)];
      return slice(g, axis, begin, length === 0 ? begin : begin + (length - 1) * step + 1, step);
    },
  ],
});

/** A row-major copy; the tensor itself under a new handle when it is one already. */
export const contiguousOp = defineOp({
  name: "contiguous",
  infer: ([x]) => x,
  forward: ([x]) => copy(x),
  vjp: (g) => [() => g],
});

/**
 * The elements in the same order under another shape, in which −1 stands for what is left: a view where that can be.
 *
 * @throws when the counts differ.
 */
export const reshape = (x: Tensor, shape: Shape): Tensor => reshapeOp([x], { shape });
/** The axes in another order: a view. @throws when `axes` do not name each axis once. */
export const permute = (x: Tensor, axes: readonly number[]): Tensor => permuteOp([x], { axes });

/**
 * Elements `begin`, `begin + step`, … before `end` of one axis, as a view; negative bounds count from the end. For a
 * reversed axis use `flip`.
 *
 * @throws when a bound lies outside the axis or the step is no positive integer.
 */
export const slice = (x: Tensor, axis: number, begin: number, end: number, step = 1): Tensor =>
  sliceOp([x], { axis, begin, end, step });
/**
 * Zeros of a shape with x at `begin`, `begin + step`, … of one axis: the transpose of {@link slice}.
 *
 * @throws when it does not fit.
 */
export const padAxis = (x: Tensor, axis: number, begin: number, shape: Shape, step = 1): Tensor =>
  padAxisOp([x], { axis, begin, shape, step });
/** Row-major and without gaps: x itself where it is so, else a copy. */
export const contiguous = (x: Tensor): Tensor => contiguousOp([x], {});

/**
 * Drops axes of length 1: all of them, or those named. A named axis of another length stays, as in PyTorch. A view.
 */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
  requireTensors("squeeze", [x]);
  const named = axes === undefined ? x.shape.map((_, axis) => axis) : typeof axes === "number" ? [axes] : axes;
  assertList("squeeze", "axes", named);
  const dropped = new Set(named.map((axis) => normalizeAxis("squeeze", axis, x.rank)));
  return reshape(
    x,
    x.shape.filter((length, axis) => length !== 1 || !dropped.has(axis)),
  );
}

/** Adds an axis of length 1, at its place in the result: −1 is behind all others. A view. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  requireTensors("unsqueeze", [x]);
  return reshape(x, x.shape.toSpliced(normalizeAxis("unsqueeze", axis, x.rank + 1), 0, 1));
}

/** Exchanges two axes; the last two by default. */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  requireTensors("transpose", [x]);
  const axes = x.shape.map((_, axis) => axis);
  const i = normalizeAxis("transpose", a, x.rank);
  const j = normalizeAxis("transpose", b, x.rank);
  [axes[i], axes[j]] = [j, i];
  return permute(x, axes);
}
