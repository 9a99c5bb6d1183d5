import scanSource from "../../../shaders/reduction/scan.wgsl";
import { defineKernel, listVariants, type Specialization } from "../../gpu/index.ts";
import { type DType, isFloat, normalizeAxis, sizeOf, sliceView, storageType, type Tensor } from "../../tensor/index.ts";
import { contiguous, copyInto, reshaped } from "../copy.ts";
import * as BINARY from "../elementwise/binary-functions.ts";
import { binary } from "../elementwise/elementwise.ts";
import { gridOf, launch, output } from "../launch.ts";
import { fitsBinding, requireBindable } from "../windows.ts";

const OPERATIONS = {
  sum: { spec: {}, combine: BINARY.add },
  product: { spec: { START: "A(1)", combine: "return a * b;" }, combine: BINARY.mul },
} as const;

export type ScanName = keyof typeof OPERATIONS;

export interface ScanOptions {
  /** Leave each element out of its own result. */
  exclusive?: boolean;
  /** Start from the end of the axis. */
  reverse?: boolean;
}

const TYPES: readonly DType[] = ["f32", "f16", "i32", "u32", "bool"];

const scanKernel = defineKernel({
  name: "scan",
  source: scanSource,
  bindings: { x: "read", offsets: "read", y: "read_write" },
  params: {
    count: "u32",
    length: "u32",
    inner: "u32",
    chunk: "u32",
    chunks: "u32",
    exclusive: "u32",
    reverse: "u32",
    hasOffsets: "u32",
    xOffset: "u32",
    offsetsOffset: "u32",
    yOffset: "u32",
  },
});
listVariants(scanKernel, () =>
  (Object.keys(OPERATIONS) as ScanName[]).flatMap((name) =>
    TYPES.flatMap((dtype) => [specialization(name, dtype, false), specialization(name, dtype, true)]),
  ),
);

/** Type of a result: bool is counted as i32. */
export const scanType = (dtype: DType): DType => (dtype === "bool" ? "i32" : dtype);

/** Type of a running result: f32 for floats. */
const accumulatorType = (dtype: DType): "f32" | "i32" | "u32" =>
  isFloat(dtype) ? "f32" : (scanType(dtype) as "i32" | "u32");

function specialization(name: ScanName, dtype: DType, onlyTotals: boolean): Specialization {
  const A = accumulatorType(dtype);
  return {
    X: storageType(dtype),
    A,
    Y: onlyTotals ? A : scanType(dtype),
    ...OPERATIONS[name].spec,
    ...(onlyTotals ? { ONLY_TOTALS: "true" } : {}),
    ...(dtype === "f16" ? { enable: "f16" } : {}),
  };
}

/** Elements an invocation walks: all of a short axis, else 256. Depends on the shape alone. */
const chunkOf = (length: number, parallel: number): number => (length <= 512 && parallel >= 64 ? length : 256);

interface Call extends Required<ScanOptions> {
  op: string;
  name: ScanName;
  /** Lines that are walked side by side; what it is for a part does not matter, so that parts have the bits of the whole. */
  parallel: number;
}

/**
 * Scans x [outer, length, inner] into y, from `carry` [outer, 1, inner] on when there is one. Returns the end of every row
 * when it is wanted.
 */
function scanInto(call: Call, x: Tensor, y: Tensor, carry: Tensor | null, wantsEnd: boolean): Tensor | null {
  if (!(fitsBinding(x) && fitsBinding(y))) return scanWindows(call, x, y, carry, wantsEnd);
  const { op, name } = call;
  const [outer, length, inner] = x.shape;
  const chunk = chunkOf(length, call.parallel);
  const chunks = Math.ceil(length / chunk);
  const count = outer * chunks * inner;
  const flags = { exclusive: call.exclusive ? 1 : 0, reverse: call.reverse ? 1 : 0 };
  const run = (target: Tensor, offsets: Tensor | null, onlyTotals: boolean): void => {
    const variant = scanKernel.variant(specialization(name, x.dtype, onlyTotals));
    const params = { count, length, inner, chunk, chunks, ...flags, hasOffsets: offsets ? 1 : 0 };
    launch(op, variant, [x, offsets ?? x, target], params, gridOf(count));
  };
  let totals: Tensor | null = null;
  if (chunks > 1 || wantsEnd) {
    totals = output(op, x, [outer, chunks, inner], accumulatorType(x.dtype));
    run(totals, null, true);
  }
  let offsets = carry;
  if (chunks > 1) {
    offsets = output(op, totals!, totals!.shape);
    scanInto({ ...call, exclusive: true, reverse: false }, totals!, offsets, carry, false);
  }
  run(y, offsets, false);
  if (!wantsEnd) return null;
  const last = sliceView(totals!, 1, chunks - 1, chunks);
  return offsets ? binary(op, sliceView(offsets, 1, chunks - 1, chunks), last, OPERATIONS[name].combine) : last;
}

/** Scans what cannot be bound whole: rows in halves, then along the axis with the end of one part carried to the next. */
function scanWindows(call: Call, x: Tensor, y: Tensor, carry: Tensor | null, wantsEnd: boolean): Tensor | null {
  const [outer, length, inner] = x.shape;
  const axis = outer > 1 ? 0 : length > 1 ? 1 : 2;
  const size = x.shape[axis];
  if (size <= 1) requireBindable(call.op, x, y);
  const middle = Math.ceil(size / 2);
  const ranges: [number, number][] = [
    [0, middle],
    [middle, size],
  ];
  if (axis === 1 && call.reverse) ranges.reverse();
  let end = carry;
  const ends = axis !== 1 && wantsEnd ? output(call.op, x, [outer, 1, inner], accumulatorType(x.dtype)) : null;
  ranges.forEach(([from, to], i) => {
    const part = contiguous(sliceView(x, axis, from, to));
    const target = sliceView(y, axis, from, to);
    const result = axis === 2 ? output(call.op, target, target.shape) : target;
    if (axis === 1) {
      end = scanInto(call, part, result, end, wantsEnd || i === 0);
    } else {
      const start = carry && sliceView(carry, axis, from, to);
      const partEnd = scanInto(call, part, result, start && contiguous(start), wantsEnd);
      if (ends) copyInto(sliceView(ends, axis, from, to), partEnd!);
    }
    if (result !== target) copyInto(target, result);
  });
  return ends ?? end;
}

/**
 * Running sums or products along an axis, floats accumulated in f32. Order: an axis of up to 512 elements with 64 or more
 * rows beside it is walked in order from its beginning; any other in chunks of 256, each walked in order from nothing, and
 * combined with what all chunks before it give (by the same rule). Where the tensor exceeds the binding limit, parts
 * of the axis follow one another.
 */
export function scan(op: string, x: Tensor, axis: number, name: ScanName, options: ScanOptions = {}): Tensor {
  const { exclusive = false, reverse = false } = options;
  const y = output(op, x, x.shape, scanType(x.dtype));
  if (x.size === 0) return y;
  const along = x.rank === 0 ? 0 : normalizeAxis(op, axis, x.rank);
  const outer = sizeOf(x.shape.slice(0, along));
  const length = x.shape[along] ?? 1;
  const shape = [outer, length, x.size / outer / length];
  const call = { op, name, exclusive, reverse, parallel: x.size / length };
  scanInto(call, reshaped(contiguous(x), shape), reshaped(y, shape), null, false);
  return y;
}
