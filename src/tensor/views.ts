import { formatShape, normalizeAxis, reshapeStrides, type Shape, sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

// Views without history: each returns another reference to the same storage. The differentiable ops of the
// same names stand in the autograd room.

/** Fills in one -1 and checks the element count. */
export function resolveReshape(from: Shape, to: Shape): number[] {
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

/** Elements `begin` to `end` (exclusive) of one axis. */
export function sliceView(x: Tensor, axis: number, begin: number, end: number): Tensor {
  const along = normalizeAxis("slice", axis, x.rank);
  const length = x.shape[along];
  if (!(Number.isInteger(begin) && Number.isInteger(end) && 0 <= begin && begin <= end && end <= length)) {
    throw new Error(`slice: ${begin} to ${end} lies outside axis ${axis} of ${formatShape(x.shape)}`);
  }
  const shape = x.shape.map((n, i) => (i === along ? end - begin : n));
  return x.view(shape, x.strides, x.offset + begin * x.strides[along]);
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
