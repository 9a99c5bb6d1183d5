import {
  assertList,
  type DType,
  formatShape,
  normalizeAxis,
  permuteView,
  reshapeView,
  sizeOf,
  type Tensor,
} from "../../tensor/index.ts";
import { contiguous, copyInto, full, reshaped } from "../copy.ts";
import { output } from "../launch.ts";
import { fitsBinding } from "../windows.ts";
import * as REDUCTIONS from "./reduction-functions.ts";
import { resultType } from "./reductions.ts";
import { type Call, pickFrom, reduceInto } from "./stages.ts";

export type { Reduction } from "./reduction-functions.ts";

type Reduction = REDUCTIONS.Reduction;

/** Reductions of one element that are the element. */
const isIdentity = (reduction: Reduction, dtype: DType): boolean =>
  !reduction.prepare && !reduction.finish && resultType(reduction, dtype) === dtype;

/** Axes counted from the front, in order, each once; all when undefined. */
export function reducedAxes(op: string, rank: number, axes?: readonly number[]): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  assertList(op, "axes", axes);
  const along = axes.map((axis) => normalizeAxis(op, axis, rank));
  if (new Set(along).size < along.length) throw new Error(`${op}: axes ${formatShape(axes)} name one axis twice`);
  return along.sort((a, b) => a - b);
}

/** Refuses what has no value: the extremum of no elements. */
export function requireElements(op: string, { empty }: Reduction, x: Tensor, axes?: readonly number[]): void {
  const reduced = reducedAxes(op, x.rank, axes);
  const kept = x.shape.filter((_, axis) => !reduced.includes(axis));
  if (empty === undefined && x.size === 0 && sizeOf(kept) > 0) {
    throw new Error(`${op}: no elements to reduce in ${formatShape(x.shape)} over axes ${formatShape(reduced)}`);
  }
}

/**
 * Reduces over `axes` (all when undefined); the axes are kept with length 1. Elements are combined in an order that
 * depends on the shape alone. Reduced elements r, counted row-major, fall into chunks of 256 that are combined in order;
 * then the chunks fall into chunks. Where the last axis is reduced, 32 chunks take the elements of a tile of 8192 in turn, or
 * ⌈n / 64⌉ chunks all n elements where these are fewer; otherwise a chunk is 256 in a row. Up to 256 elements are one chunk, and up to 512 where there are 64 or more results.
 * What exceeds the binding limit is halved first: along kept axes with the same bits, along reduced ones by combining
 * the halves. With `into`, a row-major tensor of as many elements as the result, the result is written there.
 */
export function reduce(
  op: string,
  x: Tensor,
  reduction: Reduction,
  axes?: readonly number[],
  { into, ...numbers }: { a?: number; b?: number; into?: Tensor } = {},
): Tensor {
  requireElements(op, reduction, x, axes);
  const reduced = reducedAxes(op, x.rank, axes);
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !reduced.includes(axis));
  const keptShape = x.shape.map((length, axis) => (reduced.includes(axis) ? 1 : length));
  const dtype = resultType(reduction, x.dtype);
  if (x.size === 0) {
    const value = full(x.gpu, keptShape, reduction.empty ?? 0, dtype);
    if (into) copyInto(reshapeView(into, keptShape)!, value);
    return value;
  }
  if (isIdentity(reduction, x.dtype) && x.size === sizeOf(keptShape)) {
    if (!into) return reshaped(x, keptShape);
    const target = reshapeView(into, x.shape)!;
    copyInto(target, x);
    return target;
  }
  const y = into ? reshapeView(into, pickFrom(x.shape, kept))! : output(op, x, pickFrom(x.shape, kept), dtype);
  const last = x.shape.findLastIndex((length) => length > 1);
  const call: Call = {
    op,
    reduction,
    dtype: x.dtype,
    numbers: { a: 0, b: 0, ...numbers },
    parallel: y.size,
    isInterleaved: reduced.includes(last),
  };
  // An index counts all reduced axes together, so that they must be one where they are split.
  const isSplit = reduction.findsPlace && reduced.length > 1 && !fitsBinding(x);
  const source = isSplit ? contiguous(permuteView(x, [...kept, ...reduced])) : x;
  const flat = isSplit
    ? reshapeView(source, [...pickFrom(x.shape, kept), sizeOf(pickFrom(x.shape, reduced))])!
    : source;
  const axesOf = isSplit ? { kept: kept.map((_, i) => i), reduced: [kept.length] } : { kept, reduced };
  reduceInto(call, { x: flat, ...axesOf, isFirst: true, begin: 0 }, { y, isLast: true });
  return reshapeView(y, keptShape)!;
}

/** Sum of squares of all elements, as a tensor of shape [1]. Large tensors are read in windows. */
export const sumOfSquares = (op: string, x: Tensor): Tensor =>
  reshapeView(reduce(op, x, REDUCTIONS.sumOfSquares), [1])!;
