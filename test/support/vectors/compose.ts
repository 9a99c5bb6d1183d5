import * as api from "../../../src/autograd/index.ts";
import { type DType, isFloat, type Tensor, tensor } from "../../../src/tensor/index.ts";

/** Functions that other projects have as operators of their own, made of ours. */

export const hostTensor = (values: readonly number[], shape: readonly number[], dtype: DType = "f32"): Tensor =>
  tensor(values as number[], shape, { dtype });

export const filled = (shape: readonly number[], value: number, dtype: DType = "f32"): Tensor =>
  tensor(new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(value), shape, { dtype });

export const asFloat = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : api.cast(x, "f32"));
export const asMask = (x: Tensor): Tensor => (x.dtype === "bool" ? x : api.cast(x, "bool"));
export const asIndex = (x: Tensor): Tensor => (x.dtype === "i32" || x.dtype === "u32" ? x : api.cast(x, "i32"));
/** In the type of another tensor. */
export const asType = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : api.cast(x, dtype));

const WIDTH: readonly DType[] = ["bool", "u32", "i32", "f16", "f32"];

/** Two operands in the wider of their types, as TensorFlow.js has them. */
export function promote(a: Tensor, b: Tensor): [Tensor, Tensor] {
  const dtype = WIDTH.indexOf(a.dtype) > WIDTH.indexOf(b.dtype) ? a.dtype : b.dtype;
  return [asType(a, dtype), asType(b, dtype)];
}

export const normalizedAxes = (axes: readonly number[], rank: number): number[] =>
  axes.map((axis) => (axis < 0 ? axis + rank : axis));

export const allAxes = (x: Tensor): number[] => x.shape.map((_, axis) => axis);

export const sinh = (x: Tensor): Tensor => {
  const e = api.expm1(x);
  return api.mul(api.add(e, api.div(e, api.add(e, 1))), 0.5);
};
export const cosh = (x: Tensor): Tensor => api.mul(api.add(api.exp(x), api.exp(api.neg(x))), 0.5);
export const asinh = (x: Tensor): Tensor => api.log(api.add(x, api.sqrt(api.add(api.square(x), 1))));
export const acosh = (x: Tensor): Tensor => api.log(api.add(x, api.sqrt(api.sub(api.square(x), 1))));
export const atanh = (x: Tensor): Tensor => api.mul(api.sub(api.log1p(x), api.log1p(api.neg(x))), 0.5);
export const tan = (x: Tensor): Tensor => api.div(api.sin(x), api.cos(x));

export const logSigmoid = (x: Tensor): Tensor => api.neg(api.softplus(api.neg(x)));
export const selu = (x: Tensor, alpha = 1.6732632423543772, gamma = 1.0507009873554805): Tensor =>
  api.mul(api.elu(x, alpha), gamma);
export const celu = (x: Tensor, alpha = 1): Tensor => api.mul(api.elu(api.div(x, alpha)), alpha);
export const mish = (x: Tensor): Tensor => api.mul(x, api.tanh(api.softplus(x)));
export const hardSigmoid = (x: Tensor, alpha = 0.2, beta = 0.5): Tensor =>
  api.clamp(api.add(api.mul(x, alpha), beta), 0, 1);
export const hardSwish = (x: Tensor): Tensor => api.mul(x, hardSigmoid(x, 1 / 6, 0.5));
export const softsign = (x: Tensor): Tensor => api.div(x, api.add(api.abs(x), 1));
export const swish = (x: Tensor, alpha = 1): Tensor =>
  alpha === 1 ? api.silu(x) : api.mul(x, api.sigmoid(api.mul(x, alpha)));
export const prelu = (x: Tensor, slope: Tensor): Tensor =>
  api.where(api.greater(x, 0), x, api.mul(x, asType(slope, x.dtype)));
export const thresholdedRelu = (x: Tensor, alpha = 1): Tensor => api.where(api.greater(x, alpha), x, 0);
export const step = (x: Tensor, alpha = 0): Tensor => {
  const steps = api.where(api.greater(x, 0), filled([], 1), filled([], alpha));
  return isFloat(x.dtype) ? api.where(api.isNaN(x), x, steps) : asType(steps, x.dtype);
};

/** a − b · ⌊a / b⌋, or with the sign of the dividend; integers exactly up to 2^24. */
export function mod(a: Tensor, b: Tensor, isTruncated = false): Tensor {
  const [x, y] = [asFloat(a), asFloat(b)];
  const quotient = api.div(x, y);
  const whole = isTruncated ? api.mul(api.sign(quotient), api.floor(api.abs(quotient))) : api.floor(quotient);
  return asType(api.sub(x, api.mul(y, whole)), a.dtype);
}

export const isInfinite = (x: Tensor, negative = true, positive = true): Tensor => {
  if (negative && positive) return api.isInfinite(x);
  if (!negative && !positive) return filled(x.shape, 0, "bool");
  return api.logicalAnd(api.isInfinite(x), negative ? api.less(x, 0) : api.greater(x, 0));
};

/** Of several tensors, pairwise from the left. */
export const foldPairs = (tensors: readonly Tensor[], combine: (a: Tensor, b: Tensor) => Tensor): Tensor =>
  tensors.slice(1).reduce(combine, tensors[0]);

type Axes = readonly number[] | undefined;

/** Reductions that are other ones of something. */
export const reductions: Readonly<Record<string, (x: Tensor, axes: Axes, keep: boolean) => Tensor>> = {
  l1: (x, axes, keep) => api.sum(api.abs(x), axes, keep),
  l2: (x, axes, keep) => api.sqrt(api.sum(api.square(asFloat(x)), axes, keep)),
  logSum: (x, axes, keep) => api.log(api.sum(asFloat(x), axes, keep)),
  logSumExp: (x, axes, keep) => api.logsumexp(asFloat(x), axes, keep),
  max: (x, axes, keep) => extreme("max", x, axes, keep),
  min: (x, axes, keep) => extreme("min", x, axes, keep),
  mean: (x, axes, keep) => asType(api.mean(asFloat(x), axes, keep), x.dtype),
  prod: (x, axes, keep) => api.prod(x, axes, keep),
  sum: (x, axes, keep) => api.sum(x, axes, keep),
  sumSquare: (x, axes, keep) => api.sum(api.mul(x, x), axes, keep),
};

/** The largest or smallest; of booleans by way of integers. */
function extreme(name: "max" | "min", x: Tensor, axes: Axes, keep: boolean): Tensor {
  if (x.dtype === "bool") return name === "max" ? api.any(x, axes, keep) : api.all(x, axes, keep);
  if (x.size === 0)
    return ofNothing(x, name === "max" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY, axes, keep);
  return name === "max" ? api.max(x, axes, keep) : api.min(x, axes, keep);
}

/** What a reduction over no elements gives where others define it and PyTorch does not. */
function ofNothing(x: Tensor, value: number, axes: Axes, keep: boolean): Tensor {
  const along = normalizedAxes(axes ?? allAxes(x), x.rank);
  const kept = x.shape.map((length, axis) => (along.includes(axis) ? 1 : length));
  return filled(keep ? kept : kept.filter((_, axis) => !along.includes(axis)), value, x.dtype);
}

/** Of ties the last, by way of the reversed axis. */
export function argLast(find: typeof api.argmax, x: Tensor, axis: number, keep: boolean): Tensor {
  return api.sub(x.shape.at(axis)! - 1, find(api.flip(x, [axis]), axis, keep));
}

/** Elements of one axis by their places, known on the host. */
export const take = (x: Tensor, axis: number, places: readonly number[]): Tensor =>
  api.indexSelect(x, axis, hostTensor(places, [places.length], "i32"));

/** Slice of every axis given: begin, end and step of it; a negative step goes backwards from begin to above end. */
export function sliceAxes(
  x: Tensor,
  parts: readonly { axis: number; begin: number; end: number; step: number }[],
): Tensor {
  return parts.reduce((current, { axis, begin, end, step }) => {
    const length = current.shape.at(axis)!;
    if (step > 0)
      return api.slice(current, axis, Math.min(begin, length), Math.max(begin, Math.min(end, length)), step);
    const places: number[] = [];
    for (let place = begin; place > end; place += step) places.push(place);
    if (places.length === 0) return api.slice(current, axis, 0, 0);
    return take(current, axis, places);
  }, x);
}

/** Elements at the positions that the last axis of `indices` names. */
export function gatherNd(x: Tensor, indices: Tensor, batchAxes = 0): Tensor {
  const depth = indices.shape.at(-1)!;
  const batch = x.shape.slice(0, batchAxes);
  const named = x.shape.slice(batchAxes, batchAxes + depth);
  const rest = x.shape.slice(batchAxes + depth);
  const batches = batch.reduce((a, b) => a * b, 1);
  const positions = named.reduce((a, b) => a * b, 1);
  let flat = api.reshape(linearIndices(indices, named), [batches, -1]);
  if (batches > 1) {
    const starts = Array.from({ length: batches }, (_, i) => i * positions);
    flat = api.add(flat, hostTensor(starts, [batches, 1], "i32"));
  }
  const rows = api.reshape(x, [batches * positions, ...rest]);
  const taken = api.indexSelect(rows, 0, api.reshape(flat, [-1]));
  return api.reshape(taken, [...indices.shape.slice(0, -1), ...rest]);
}

/** Row-major positions within `shape` of the index tuples in the last axis; negative ones count from the end. */
function linearIndices(indices: Tensor, shape: readonly number[]): Tensor {
  const wrapped = wrapIndices(indices, shape);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  return api.sum(api.mul(wrapped, hostTensor(strides, [shape.length], "i32")), [-1]);
}

/** Negative indices counted from the end of the axis, whose length is one or one for each place of the last axis. */
export function wrapIndices(indices: Tensor, lengths: readonly number[]): Tensor {
  const x = asType(indices, "i32");
  const length = hostTensor(lengths, lengths.length === 1 ? [1] : [lengths.length], "i32");
  const wrapped = api.where(api.less(x, 0), api.add(x, length), x);
  return x.rank === 0 ? api.reshape(wrapped, []) : wrapped;
}

/** A copy of x in which the positions named by the last axis of `indices` are replaced by `updates`, or added to. */
export function scatterNd(x: Tensor, indices: Tensor, updates: Tensor, reduction: "none" | "add"): Tensor {
  const depth = indices.shape.at(-1)!;
  const named = x.shape.slice(0, depth);
  const rest = x.shape.slice(depth);
  const restSize = rest.reduce((a, b) => a * b, 1);
  const positions = named.reduce((a, b) => a * b, 1);
  const flat = api.reshape(linearIndices(indices, named), [-1, 1]);
  const rows = api.reshape(x, [positions, restSize]);
  const source = api.reshape(updates, [flat.shape[0], restSize]);
  const index = api.contiguous(api.expand(flat, [flat.shape[0], restSize]));
  const scattered = reduction === "add" ? api.scatterAdd(rows, 0, index, source) : api.scatter(rows, 0, index, source);
  return api.reshape(scattered, x.shape);
}

/** The identity matrix, or one with ones on another diagonal. */
export const eye = (rows: number, columns: number, diagonal = 0, dtype: DType = "f32"): Tensor =>
  hostTensor(
    Array.from({ length: rows * columns }, (_, i) => (Math.floor(i / columns) + diagonal === i % columns ? 1 : 0)),
    [rows, columns],
    dtype,
  );
