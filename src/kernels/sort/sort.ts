import blocksSource from "../../../shaders/sort/sort-blocks.wgsl";
import mergeSource from "../../../shaders/sort/sort-merge.wgsl";
import { defineKernel, listVariants, MemoryLimitError, type Specialization } from "../../gpu/index.ts";
import {
  bytesPerElement,
  type DType,
  formatShape,
  reshapeView,
  sizeOf,
  sliceView,
  storageType,
  type Tensor,
} from "../../tensor/index.ts";
import { contiguous, copyInto, reshaped } from "../copy.ts";
import { gridOf, launch, output } from "../launch.ts";
import { fitsBinding, halvesOf } from "../windows.ts";
import { ORDER_KEYS } from "./order-keys.ts";

/** When one run is left, the indices alone are written. */
const LAST = { Y: "i32", result: "return Y(index);" };
const TYPES = ["f32", "f16", "i32", "u32"] as const;

const blockVariant = (dtype: DType, isLast: boolean): Specialization => {
  const X = storageType(dtype);
  return {
    X,
    keyOf: `${ORDER_KEYS[X]} return key;`,
    ...(isLast ? LAST : {}),
    ...(X === "f16" ? { enable: "f16" } : {}),
  };
};

const blocksKernel = defineKernel({
  name: "sort-blocks",
  source: blocksSource,
  bindings: { x: "read", y: "read_write" },
  params: {
    count: "u32",
    length: "u32",
    inner: "u32",
    block: "u32",
    keep: "u32",
    descending: "u32",
    xOffset: "u32",
  },
});
listVariants(blocksKernel, () => TYPES.flatMap((dtype) => [blockVariant(dtype, true), blockVariant(dtype, false)]));

const mergeKernel = defineKernel({
  name: "sort-merge",
  source: mergeSource,
  bindings: { x: "read", y: "read_write" },
  params: { count: "u32", length: "u32", span: "u32", runs: "u32", capacity: "u32", keep: "u32", inner: "u32" },
});
listVariants(mergeKernel, () => [LAST]);

/** Rows of up to so many elements are one block. */
const SHORT_ROW = 256;
const BLOCK = 64;

/** Bytes of the runs that a row is first sorted into. */
const runBytes = (length: number, keep: number): number =>
  length <= SHORT_ROW ? 0 : 8 * Math.ceil(length / BLOCK) * Math.min(BLOCK, keep);

/**
 * Refuses a row that cannot be bound, or whose runs, of a key and an index an element, cannot.
 *
 * @throws MemoryLimitError
 */
export function requireSortable(op: string, x: Tensor, axis: number, keep: number): void {
  const length = x.shape[axis] ?? 1;
  const { maxStorageBufferBindingSize: limit, minStorageBufferOffsetAlignment } = x.gpu.limits;
  const row = length * bytesPerElement(x.dtype) + 16 + minStorageBufferOffsetAlignment;
  const bytes = Math.max(runBytes(length, keep), row);
  if (bytes <= limit) return;
  throw new MemoryLimitError(
    `${op}: ${length} elements along axis ${axis} of ${formatShape(x.shape)} take ${bytes} bytes to sort, over the binding limit of ${limit} bytes of this device`,
  );
}

/**
 * Indices i32 of the first `keep` elements along an axis in ascending or descending order. Stable: equal elements, among
 * them 0 and −0, keep their order in either direction; NaN is the greatest. Blocks of 64 are sorted by counting, then
 * merged two by two without what `keep` leaves out, so that a row of n takes ⌈log₂(n / 64)⌉ + 1 dispatches.
 */
export function sortedIndices(op: string, x: Tensor, axis: number, keep: number, descending: boolean): Tensor {
  requireSortable(op, x, axis, keep);
  const shape = x.rank === 0 ? x.shape : x.shape.with(axis, keep);
  if (sizeOf(shape) === 0) return output(op, x, shape, "i32");
  const outer = sizeOf(x.shape.slice(0, axis));
  const length = x.shape[axis] ?? 1;
  const rows = reshaped(contiguous(x), [outer, length, x.size / outer / length]);
  return reshapeView(sortRows(op, rows, keep, descending), shape)!;
}

/** Sorts along the middle axis of a contiguous x [outer, length, inner]: indices [outer, keep, inner]. */
function sortRows(op: string, x: Tensor, keep: number, descending: boolean): Tensor {
  const [outer, length, inner] = x.shape;
  const y = output(op, x, [outer, keep, inner], "i32");
  const limit = x.gpu.limits.maxStorageBufferBindingSize;
  if (!(fitsBinding(x) && fitsBinding(y)) || outer * inner * runBytes(length, keep) > limit) {
    const axis = outer > 1 ? 0 : 2;
    for (const [begin, end] of halvesOf(x.shape[axis])) {
      const part = contiguous(sliceView(x, axis, begin, end));
      copyInto(sliceView(y, axis, begin, end), sortRows(op, part, keep, descending));
    }
    return y;
  }
  const block = length <= SHORT_ROW ? length : BLOCK;
  const rows = outer * inner;
  let runs = Math.ceil(length / block);
  let capacity = Math.min(block, keep);
  let current = runs === 1 ? y : output(op, x, [rows * runs * capacity, 2], "u32");
  launch(
    op,
    blocksKernel.variant(blockVariant(x.dtype, runs === 1)),
    [x, current],
    { count: x.size, length, inner, block, keep: capacity, descending: descending ? 1 : 0 },
    gridOf(x.size),
  );
  for (let span = block; runs > 1; span *= 2) {
    const merged = Math.ceil(runs / 2);
    const room = Math.min(2 * span, keep);
    const next = merged === 1 ? y : output(op, x, [rows * merged * room, 2], "u32");
    const count = rows * runs * capacity;
    launch(
      op,
      mergeKernel.variant(merged === 1 ? LAST : {}),
      [current, next],
      { count, length, span, runs, capacity, keep: room, inner },
      gridOf(count),
    );
    current.dispose();
    current = next;
    runs = merged;
    capacity = room;
  }
  return y;
}
