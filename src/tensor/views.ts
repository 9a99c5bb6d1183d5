import { assertList, formatShape, normalizeAxis, reshapeStrides, type Shape, sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

// Views without history: each returns another reference to the same storage. The differentiable ops of the
// same names stand in the autograd room.

/** Fills in one -1 and checks the element count. */
export function resolveReshape(from: Shape, to: Shape): number[] {
  assertList("reshape", "a shape", to);
  const unknown = to.indexOf(-1);
  const known = to.reduce((product, length) => (length === -1 ? product : product * length), 1);
  const size = sizeOf(from);
  const shape = to.map((length, axis) => (axis === unknown && known > 0 ? size / known : length));
  if (
    to.filter((n) => n === -1).length > 1 ||
    shape.some((n) => !Number.isInteger(n) || n < 0) ||
    sizeOf(shape) !== size
  ) {
    throw new Error(`reshape: ${formatShape(from)} has ${size} elements and cannot become ${formatShape(to)}`);
  }
  return shape;
}

/** The tensor in another shape when its strides allow it without a copy, else null. */
export function reshapeView(x: Tensor, shape: Shape): Tensor | null {
  const strides = reshapeStrides(x.shape, x.strides, shape);
  return strides && x.view(shape, strides);
}

export function permuteView(x: Tensor, axes: readonly number[]): Tensor {
  const order = axes.map((axis) => normalizeAxis("permute", axis, x.rank));
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw new Error(`permute: axes ${formatShape(axes)} do not name each axis of ${formatShape(x.shape)} once`);
  }
  return x.view(
    order.map((axis) => x.shape[axis]),
    order.map((axis) => x.strides[axis]),
  );
}

/** Exchanges two axes; the last two by default. */
export function transposeView(x: Tensor, a = -2, b = -1): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  const i = normalizeAxis("transpose", a, x.rank);
  const j = normalizeAxis("transpose", b, x.rank);
  [axes[i], axes[j]] = [j, i];
  return permuteView(x, axes);
}

/**
 * Begin, end and length of a slice, both counted from the front: negative ones count from the end of the axis.
 *
 * @throws with the op's name when a bound lies outside the axis, they cross, or the step is no positive integer.
 */
export function resolveSlice(
  shape: Shape,
  axis: number,
  begin: number,
  end: number,
  step: number,
): { axis: number; begin: number; end: number; length: number } {
  const along = normalizeAxis("slice", axis, shape.length);
  const whole = shape[along];
  const from = begin < 0 ? begin + whole : begin;
  const to = end < 0 ? end + whole : end;
  if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from <= to && to <= whole)) {
    throw new Error(`slice: ${begin} to ${end} lies outside axis ${axis} of ${formatShape(shape)}`);
  }
  if (!(Number.isInteger(step) && step > 0)) throw new Error(`slice: step ${step} is not a positive integer; use flip`);
  return { axis: along, begin: from, end: to, length: Math.ceil((to - from) / step) };
}

/** Elements `begin`, `begin + step`, … before `end` of one axis; negative bounds count from the end. */
export function sliceView(x: Tensor, axis: number, begin: number, end: number, step = 1): Tensor {
  const range = resolveSlice(x.shape, axis, begin, end, step);
  const shape = x.shape.map((n, i) => (i === range.axis ? range.length : n));
  const strides = x.strides.map((stride, i) => (i === range.axis ? stride * step : stride));
  // A slice of nothing starts nowhere: its offset must not lie behind the storage.
  return x.view(shape, strides, range.length === 0 ? x.offset : x.offset + range.begin * x.strides[range.axis]);
}

/** Repeats axes of length 1, and adds axes in front, with stride 0. */
export function expandView(x: Tensor, shape: Shape): Tensor {
  const added = shape.length - x.rank;
  const fits = added >= 0 && x.shape.every((length, axis) => length === 1 || length === shape[axis + added]);
  if (!fits) throw new Error(`expand: ${formatShape(x.shape)} does not expand to ${formatShape(shape)}`);
  const strides = shape.map((length, axis) => {
    const own = axis - added;
    return own < 0 || (x.shape[own] === 1 && length !== 1) ? 0 : x.strides[own];
  });
  return x.view(shape, strides);
}
