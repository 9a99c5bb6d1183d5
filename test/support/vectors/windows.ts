import * as api from "../../../src/autograd/index.ts";
import type { Tensor } from "../../../src/tensor/index.ts";
import { filled, hostTensor, take } from "./compose.ts";

/** Convolutions and poolings over one, two or three spatial axes, in every suite's terms brought to these. */

/** Of one spatial axis. */
export interface WindowAxis {
  kernel: number;
  stride: number;
  dilation: number;
  before: number;
  after: number;
  /** Number of windows, where the suite says; otherwise as many as fit. */
  size?: number;
}

const extent = ({ kernel, dilation }: WindowAxis): number => (kernel - 1) * dilation + 1;

/** How many windows fit; with `ceil` also one that begins inside and ends beyond. */
export function windowCount(length: number, axis: WindowAxis, ceil = false): number {
  const steps = (length + axis.before + axis.after - extent(axis)) / axis.stride;
  const count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  // A last window that would begin in the padding behind is dropped.
  return ceil && (count - 1) * axis.stride >= length + axis.before ? count - 1 : count;
}

/** Padding that gives ⌈length / stride⌉ windows, the odd element behind or in front. */
export function samePadding(length: number, kernel: number, stride: number, dilation: number, oddInFront = false) {
  const wanted = Math.ceil(length / stride);
  const total = Math.max(0, (wanted - 1) * stride + (kernel - 1) * dilation + 1 - length);
  const small = Math.floor(total / 2);
  return oddInFront ? { before: total - small, after: small } : { before: small, after: total - small };
}

const pairOf = <T>(axes: readonly WindowAxis[], pick: (axis: WindowAxis) => T): [T, T] => [
  pick(axes[0]),
  pick(axes[1]),
];

const padding2d = (axes: readonly WindowAxis[]): [[number, number], [number, number]] =>
  pairOf(axes, ({ before, after }) => [before, after] as [number, number]);

const spatialRank = (x: Tensor): number => x.rank - 2;

/** Convolution of x [N, C, …] with weight [O, C / groups, …]. */
export function convolve(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  axes: readonly WindowAxis[],
  groups: number,
): Tensor {
  if (spatialRank(x) === 1) {
    const [{ stride, dilation, before, after }] = axes;
    return api.conv1d(x, weight, bias, { stride, dilation, padding: [before, after], groups });
  }
  if (spatialRank(x) === 2) {
    return api.conv2d(x, weight, bias, {
      stride: pairOf(axes, ({ stride }) => stride),
      dilation: pairOf(axes, ({ dilation }) => dilation),
      padding: padding2d(axes),
      groups,
    });
  }
  // Three axes: a sum over the taps of the first of convolutions over the other two.
  const [first, ...rest] = axes;
  const padded = padAxis(x, 2, first.before, first.after, 0);
  const depth = windowCount(x.shape[2], first);
  const terms = Array.from({ length: first.kernel }, (_, tap) => {
    const begin = tap * first.dilation;
    const slab = api.slice(padded, 2, begin, begin + (depth - 1) * first.stride + 1, first.stride);
    const tapWeight = api.squeeze(api.slice(weight, 2, tap, tap + 1), [2]);
    return overPlanes(slab, (planes) => convolve(planes, tapWeight, undefined, rest, groups));
  });
  const sum = terms.reduce((a, b) => api.add(a, b));
  return bias ? api.add(sum, api.reshape(bias, [-1, 1, 1, 1])) : sum;
}

/** Runs `work` on every plane of x [N, C, D, H, W], as a batch [N · D, C, H, W]. */
function overPlanes(x: Tensor, work: (planes: Tensor) => Tensor): Tensor {
  const [n, c, d, h, w] = x.shape;
  const y = work(api.reshape(api.permute(x, [0, 2, 1, 3, 4]), [n * d, c, h, w]));
  const [, channels, rows, columns] = y.shape;
  return api.permute(api.reshape(y, [n, d, channels, rows, columns]), [0, 2, 1, 3, 4]);
}

const padAxis = (x: Tensor, axis: number, before: number, after: number, value: number): Tensor =>
  before === 0 && after === 0
    ? x
    : api.pad(
        x,
        x.shape.map((_, i) => (i === axis ? [before, after] : [0, 0])),
        { value },
      );

/**
 * Transposed convolution of x [N, C, …] with weight [C, O / groups, …]: `before` is taken off the front, and `size`
 * outputs are kept.
 */
export function convolveTransposed(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  axes: readonly WindowAxis[],
  groups: number,
): Tensor {
  if (spatialRank(x) === 1) {
    const lift = (t: Tensor) => api.unsqueeze(t, 2);
    const row: WindowAxis = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, size: 1 };
    return api.squeeze(convolveTransposed(lift(x), lift(weight), bias, [row, ...axes], groups), [2]);
  }
  if (spatialRank(x) === 2) return convolveTransposed2d(x, weight, bias, axes, groups);
  const [first, ...rest] = axes;
  const length = x.shape[2];
  const spread = (length - 1) * first.stride + 1;
  const full = spread + (first.kernel - 1) * first.dilation;
  const terms = Array.from({ length: first.kernel }, (_, tap) => {
    const tapWeight = api.squeeze(api.slice(weight, 2, tap, tap + 1), [2]);
    const y = overPlanes(x, (planes) => convolveTransposed2d(planes, tapWeight, undefined, rest, groups));
    const at = tap * first.dilation;
    return padAxis(insertZeros(y, 2, first.stride), 2, at, full - spread - at, 0);
  });
  const sum = terms.reduce((a, b) => api.add(a, b));
  const cut = cropAxis(sum, 2, first.before, first.size ?? full - first.before - first.after);
  return bias ? api.add(cut, api.reshape(bias, [-1, 1, 1, 1])) : cut;
}

/** Zeros between the elements of an axis. */
function insertZeros(x: Tensor, axis: number, stride: number): Tensor {
  if (stride === 1) return x;
  const spread = padAxis(api.unsqueeze(x, axis + 1), axis + 1, 0, stride - 1, 0);
  const joined = api.reshape(spread, x.shape.with(axis, x.shape[axis] * stride));
  return api.slice(joined, axis, 0, (x.shape[axis] - 1) * stride + 1);
}

/** `size` elements of an axis from `begin` on, with zeros beyond its end. */
function cropAxis(x: Tensor, axis: number, begin: number, size: number): Tensor {
  const missing = Math.max(0, begin + size - x.shape[axis]);
  return api.slice(padAxis(x, axis, 0, missing, 0), axis, begin, begin + size);
}

function convolveTransposed2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  axes: readonly WindowAxis[],
  groups: number,
): Tensor {
  const sides = axes.map((axis, i) => {
    const full = (x.shape[2 + i] - 1) * axis.stride + extent(axis);
    const after = axis.size === undefined ? axis.after : full - axis.before - axis.size;
    return { ...axis, after: Math.max(after, 0), extra: Math.max(-after, 0) };
  });
  const isWithin = sides.every(({ extra, stride, dilation }) => extra < Math.max(stride, dilation));
  const y = api.convTranspose2d(x, weight, isWithin ? bias : undefined, {
    stride: pairOf(axes, ({ stride }) => stride),
    dilation: pairOf(axes, ({ dilation }) => dilation),
    padding: padding2d(sides),
    outputPadding: isWithin ? [sides[0].extra, sides[1].extra] : 0,
    groups,
  });
  if (isWithin) return y;
  // More zeros behind than a stride makes ambiguous.
  const larger = sides.reduce<Tensor>((current, { extra }, i) => padAxis(current, 2 + i, 0, extra, 0), y);
  return bias ? api.add(larger, api.reshape(bias, [-1, 1, 1])) : larger;
}

export type PoolKind = "max" | "average" | "l2";

/** Pooling of x [N, C, …]. */
export function pool(
  x: Tensor,
  kind: PoolKind,
  axes: readonly WindowAxis[],
  { ceil = false, countPadding = false } = {},
): Tensor {
  const sized = axes.map((axis, i) => ({ ...axis, size: axis.size ?? windowCount(x.shape[2 + i], axis, ceil) }));
  if (kind === "l2") return api.sqrt(sumPool(api.square(x), sized));
  if (spatialRank(x) === 1) {
    const row: WindowAxis & { size: number } = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, size: 1 };
    return api.squeeze(pool(api.unsqueeze(x, 2), kind, [row, ...sized], { ceil, countPadding }), [2]);
  }
  if (spatialRank(x) === 3) return poolVolume(x, kind, sized, countPadding);
  return own(x, kind, sized, countPadding) ?? composed(x, kind, sized, countPadding);
}

type SizedAxis = WindowAxis & { size: number };

/** Windows over a box are windows over its axes, one after the other: of maxima, and of averages as well. */
function poolVolume(x: Tensor, kind: PoolKind, [first, ...rest]: readonly SizedAxis[], countPadding: boolean): Tensor {
  const planes = overPlanes(x, (batch) => pool(batch, kind, rest, { countPadding }));
  const [n, c, d, h, w] = planes.shape;
  const column: SizedAxis = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, size: h * w };
  const y = pool(api.reshape(planes, [n, c, d, h * w]), kind, [first, column], { countPadding });
  return api.reshape(y, [n, c, y.shape[2], h, w]);
}

/** By our own op, where its options say the same. */
function own(x: Tensor, kind: PoolKind, axes: readonly SizedAxis[], countPadding: boolean): Tensor | null {
  // Every window must reach into the input.
  if (axes.some((axis) => Math.max(axis.before, axis.after) >= extent(axis))) return null;
  const fits = (ceil: boolean) => axes.every((axis, i) => windowCount(x.shape[2 + i], axis, ceil) === axis.size);
  if (!fits(false) && !fits(true)) return null;
  const shared = {
    stride: pairOf(axes, ({ stride }) => stride),
    padding: padding2d(axes),
    dilation: pairOf(axes, ({ dilation }) => dilation),
    ceilMode: !fits(false),
  };
  const kernel = pairOf(axes, ({ kernel: length }) => length);
  if (kind === "average") return api.averagePool2d(x, kernel, { ...shared, countIncludePad: countPadding });
  return api.maxPool2d(x, kernel, shared);
}

/** Padding that every window wanted lies within. */
const fullyPadded = (x: Tensor, axes: readonly SizedAxis[], value: number): Tensor =>
  axes.reduce((current, axis, i) => {
    const covered = (axis.size - 1) * axis.stride + extent(axis);
    const length = axis.before + x.shape[2 + i];
    const padded = padAxis(current, 2 + i, axis.before, Math.max(0, covered - length), value);
    return padded.shape[2 + i] > covered ? api.slice(padded, 2 + i, 0, covered) : padded;
  }, x);

function composed(x: Tensor, kind: PoolKind, axes: readonly SizedAxis[], countPadding: boolean): Tensor {
  if (kind === "max") {
    return api.maxPool2d(
      fullyPadded(x, axes, Number.NEGATIVE_INFINITY),
      pairOf(axes, ({ kernel }) => kernel),
      { stride: pairOf(axes, ({ stride }) => stride), dilation: pairOf(axes, ({ dilation }) => dilation) },
    );
  }
  const sums = sumPool(x, axes);
  const ones = filled([1, 1, x.shape[2], x.shape[3]], 1);
  // Padding that was asked for may count; what a last window reaches beyond it never does.
  const counted = countPadding
    ? axes.reduce((current, { before, after }, i) => padAxis(current, 2 + i, before, after, 1), ones)
    : ones;
  const countAxes = countPadding ? axes.map((axis) => ({ ...axis, before: 0, after: 0 })) : axes;
  return api.div(sums, sumPool(counted, countAxes));
}

/** Sums over windows: a depthwise convolution with ones. */
function sumPool(x: Tensor, axes: readonly SizedAxis[]): Tensor {
  const channels = x.shape[1];
  const weight = filled([channels, 1, axes[0].kernel, axes[1].kernel], 1);
  return api.conv2d(fullyPadded(x, axes, 0), weight, undefined, {
    stride: pairOf(axes, ({ stride }) => stride),
    dilation: pairOf(axes, ({ dilation }) => dilation),
    groups: channels,
  });
}

/**
 * Where in its plane each maximum of a pooling lies, as a position within x counted over all axes (row by row, or column
 * by column).
 */
export function maxPositions(
  x: Tensor,
  axes: readonly WindowAxis[],
  { ceil = false, columnMajor = false } = {},
): Tensor {
  const spatial = x.shape.slice(2);
  const sizes = axes.map((axis, i) => axis.size ?? windowCount(spatial[i], axis, ceil));
  const windows = sizes.reduce((a, b) => a * b, 1);
  const taps = axes.reduce((product, { kernel }) => product * kernel, 1);
  const area = spatial.reduce((a, b) => a * b, 1);
  const strides = spatial.map((_, i) =>
    (columnMajor ? spatial.slice(0, i) : spatial.slice(i + 1)).reduce((a, b) => a * b, 1),
  );
  const rowMajor = spatial.map((_, i) => spatial.slice(i + 1).reduce((a, b) => a * b, 1));
  // For every tap of every window its place in the plane, and whether it lies in the padding.
  const places: number[] = [];
  const answers: number[] = [];
  for (const window of indicesOf(sizes)) {
    for (const tap of indicesOf(axes.map(({ kernel }) => kernel))) {
      const at = axes.map(({ stride, dilation, before }, i) => window[i] * stride + tap[i] * dilation - before);
      const isInside = at.every((place, i) => place >= 0 && place < spatial[i]);
      places.push(isInside ? at.reduce((sum, place, i) => sum + place * rowMajor[i], 0) : area);
      answers.push(isInside ? at.reduce((sum, place, i) => sum + place * strides[i], 0) : -1);
    }
  }
  const [n, c] = x.shape;
  const planes = padAxis(api.reshape(x, [n * c, area]), 1, 0, 1, Number.NEGATIVE_INFINITY);
  const best = api.argmax(api.reshape(take(planes, 1, places), [n * c, windows, taps]), 2);
  const table = hostTensor(answers, [1, windows, taps], "i32");
  const found = api.takeAlongAxis(api.expand(table, [n * c, windows, taps]), api.unsqueeze(best, 2), 2);
  const planeStarts = hostTensor(
    Array.from({ length: n * c }, (_, plane) => plane * area),
    [n * c, 1],
    "i32",
  );
  return api.reshape(api.add(api.squeeze(found, [2]), planeStarts), [n, c, ...sizes]);
}

function* indicesOf(shape: readonly number[]): Generator<number[]> {
  const total = shape.reduce((a, b) => a * b, 1);
  for (let i = 0; i < total; i++) {
    let rest = i;
    const index = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    yield index;
  }
}
