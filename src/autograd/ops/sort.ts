import { requireSortable, sortedIndices } from "../../kernels/sort/sort.ts";
import { formatShape, normalizeAxis, requireTensors, type Tensor } from "../../tensor/index.ts";
import { defineOp } from "../define-op.ts";
import { gather } from "./indexing/gather.ts";
import { reshape } from "./shape/views.ts";

/** Axis and direction of {@link sort} and {@link argsort}. */
export interface SortOptions {
  /** The axis to sort along; the last by default. */
  axis?: number;
  /** The greatest first. */
  descending?: boolean;
}

/** Axis and end of {@link topK}. */
export interface TopKOptions {
  /** The axis to choose along; the last by default. */
  axis?: number;
  /** The greatest k (default), or the least. */
  largest?: boolean;
}

/** Values in order, and where they were: i32 indices along the axis. */
export interface Sorted {
  values: Tensor;
  indices: Tensor;
}

export interface SortAttributes {
  axis: number;
  descending: boolean;
  /** How many of the first to keep; all when undefined. */
  keep?: number;
  /** The name errors carry. */
  caller?: string;
}

const fromFront = (op: string, axis: number, x: Tensor): number =>
  x.rank === 0 && (axis === 0 || axis === -1) ? 0 : normalizeAxis(op, axis, x.rank);

/** Indices along an axis in the order of the values, i32. */
export const argsortOp = defineOp<SortAttributes>({
  name: "argsort",
  infer: ([x], { axis, keep, caller = "argsort" }) => {
    const along = fromFront(caller, axis, x);
    const length = x.shape[along] ?? 1;
    const count = keep ?? length;
    if (!(Number.isInteger(count) && count >= 0 && count <= length)) {
      throw new Error(
        `${caller}: k = ${count} is not from 0 to ${length}, along axis ${axis} of ${formatShape(x.shape)}`,
      );
    }
    requireSortable(caller, x, along, count);
    return { shape: x.rank === 0 && count === 1 ? [] : x.shape.with(along, count), dtype: "i32" };
  },
  forward: ([x], { axis, descending, keep, caller = "argsort" }) => {
    const along = fromFront(caller, axis, x);
    return sortedIndices(caller, x, along, keep ?? x.shape[along] ?? 1, descending);
  },
});

function sortBy(x: Tensor, attributes: SortAttributes & { caller: string }): Sorted {
  requireTensors(attributes.caller, [x]);
  const row = x.rank === 0 ? reshape(x, [1]) : x;
  const indices = argsortOp([row], attributes);
  const values = gather(row, attributes.axis, indices);
  return x.rank === 0 && indices.size === 1
    ? { values: reshape(values, []), indices: reshape(indices, []) }
    : { values, indices };
}

/**
 * Indices i32 that sort x along an axis. Stable in either direction: equal elements, also 0 and −0, keep their order. NaN
 * is greater than everything.
 */
export const argsort = (x: Tensor, options: SortOptions = {}): Tensor =>
  argsortOp([x], { axis: options.axis ?? -1, descending: options.descending ?? false });

/**
 * x sorted along an axis, and the indices of its elements before; order as {@link argsort}. Gradients go back to where
 * values came from.
 */
export const sort = (x: Tensor, options: SortOptions = {}): Sorted =>
  sortBy(x, { axis: options.axis ?? -1, descending: options.descending ?? false, caller: "sort" });

/**
 * The k greatest (or least) elements along an axis in descending (ascending) order, and their indices; the first of
 * equals first. NaN is greater than everything.
 *
 * @throws when the axis has fewer than k elements.
 */
export const topK = (x: Tensor, k: number, options: TopKOptions = {}): Sorted =>
  sortBy(x, { axis: options.axis ?? -1, descending: options.largest ?? true, keep: k ?? Number.NaN, caller: "topK" });
