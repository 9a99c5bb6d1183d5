import reduceSource from "../../../shaders/reduction/reduce.wgsl";
import { defineKernel, listVariants } from "../../gpu/index.ts";
import {
  assertList,
  type DType,
  formatShape,
  normalizeAxis,
  permuteView,
  reshapeView,
  sizeOf,
  sliceView,
  type Tensor,
} from "../../tensor/index.ts";
import { contiguous, copyInto, full, reshaped } from "../copy.ts";
import { gridOf, launch, output } from "../launch.ts";

import { back, front, mergeAxes } from "../strided.ts";
import { fitsBinding, requireBindable } from "../windows.ts";
import { chooseNeighbours, launchNeighbours } from "./neighbours.ts";
import * as REDUCTIONS from "./reduction-functions.ts";
import { partType, reductionVariants, resultType, stageSpecialization, widthOf } from "./reductions.ts";

export type { Reduction } from "./reduction-functions.ts";

const reduceKernel = defineKernel({
  name: "reduce",
  source: reduceSource,
  bindings: { x: "read", y: "read_write" },
  params: {
    keptShape0: "vec4<u32>",
    keptShape1: "vec4<u32>",
    xKept0: "vec4<u32>",
    xKept1: "vec4<u32>",
    yKept0: "vec4<u32>",
    yKept1: "vec4<u32>",
    reducedShape0: "vec4<u32>",
    reducedShape1: "vec4<u32>",
    xReduced0: "vec4<u32>",
    xReduced1: "vec4<u32>",
    count: "u32",
    kept: "u32",
    keptRank: "u32",
    length: "u32",
    reducedRank: "u32",
    chunks: "u32",
    tile: "u32",
    interleave: "u32",
    yChunk: "u32",
    chunksFirst: "u32",
    begin: "u32",
    xOffset: "u32",
    yOffset: "u32",
    a: "f32",
    b: "f32",
  },
});
listVariants(reduceKernel, reductionVariants);

type Reduction = REDUCTIONS.Reduction;

/** Elements of a chunk, and of an axis that is always one chunk. */
const CHUNK = 256;
/** Chunks that take the elements of a tile in turn, where the last axis is reduced and neighbours lie side by side. */
const interleaveOf = (length: number): number => Math.min(32, Math.ceil(length / 64));

/** How the elements of the reduced axes fall into chunks. */
interface Chunks {
  count: number;
  tile: number;
  interleave: number;
}

function chunksOf(length: number, call: Call): Chunks {
  if (length <= CHUNK || (length <= 2 * CHUNK && call.parallel >= 64)) return { count: 1, tile: length, interleave: 1 };
  const interleave = call.isInterleaved ? interleaveOf(length) : 1;
  const tile = CHUNK * interleave;
  return {
    count: interleave * (Math.ceil(length / tile) - 1) + Math.min(interleave, length % tile || tile),
    tile,
    interleave,
  };
}

/** What stays the same through the stages of one reduction. */
interface Call {
  op: string;
  reduction: Reduction;
  dtype: DType;
  numbers: { a: number; b: number };
  /** Results made at a time; what it is for a part does not matter, so that parts have the bits of the whole. */
  parallel: number;
  isInterleaved: boolean;
}

/** What is read at a stage: elements, or accumulators of the stage before with their parts as the last axis. */
interface Source {
  x: Tensor;
  kept: readonly number[];
  reduced: readonly number[];
  isFirst: boolean;
  /** Index of its first element along the reduced axes. */
  begin: number;
}

/** Where a stage writes: a view with the kept axes, and the parts of an accumulator unless it is the last. */
interface Target {
  y: Tensor;
  isLast: boolean;
}

const pickFrom = <T>(list: readonly T[], axes: readonly number[]): T[] => axes.map((axis) => list[axis]);

const accumulatorOf = ({ reduction, dtype }: Call): string => reduction.accumulator(dtype);

/** Accumulators [...kept, chunks, parts], laid out so that neighbouring invocations write neighbours. */
function makePartials(call: Call, like: Tensor, kept: readonly number[], chunks: number, chunksFirst: boolean): Tensor {
  const accumulator = accumulatorOf(call);
  const [width, dtype] = [widthOf(accumulator), partType(accumulator)];
  if (chunksFirst) return output(call.op, like, [...kept, chunks, width], dtype);
  const base = output(call.op, like, [chunks, ...kept, width], dtype);
  const view = permuteView(base, [...kept.map((_, i) => i + 1), 0, kept.length + 1]);
  base.dispose();
  return view;
}

/** Records one dispatch: every chunk of the source into the target; `yChunk` is the step from chunk to chunk. */
function stage(call: Call, source: Source, target: Target, chunks: Chunks, yChunk: number, chunksFirst: boolean): void {
  const { x, kept, reduced, isFirst, begin } = source;
  const width = widthOf(accumulatorOf(call));
  const [xWidth, yWidth] = [isFirst ? 1 : width, target.isLast ? 1 : width];
  const lengths = pickFrom(x.shape, kept);
  const outer = mergeAxes(call.op, lengths, [
    pickFrom(x.strides, kept).map((stride) => stride / xWidth),
    lengths.map((_, i) => target.y.strides[i] / yWidth),
  ]);
  const inner = mergeAxes(call.op, pickFrom(x.shape, reduced), [
    pickFrom(x.strides, reduced).map((stride) => stride / xWidth),
  ]);
  if (width === 1 && inner.shape.length <= 1 && chooseNeighbours(x.gpu) === 4) {
    const isLaunched = launchNeighbours({
      call,
      x,
      y: target.y,
      isFirst,
      isLast: target.isLast,
      shape: outer.shape,
      xKept: outer.strides[0],
      yKept: outer.strides[1],
      length: sizeOf(inner.shape),
      xStep: inner.strides[0][0] ?? 0,
      chunks,
      yChunk,
      chunksFirst,
    });
    if (isLaunched) return;
  }
  const count = sizeOf(lengths) * chunks.count;
  launch(
    call.op,
    reduceKernel.variant(
      stageSpecialization(call.reduction, call.dtype, isFirst, target.isLast, inner.shape.length <= 1),
    ),
    [x, target.y],
    {
      keptShape0: front(outer.shape),
      keptShape1: back(outer.shape),
      xKept0: front(outer.strides[0]),
      xKept1: back(outer.strides[0]),
      yKept0: front(outer.strides[1]),
      yKept1: back(outer.strides[1]),
      reducedShape0: front(inner.shape),
      reducedShape1: back(inner.shape),
      xReduced0: front(inner.strides[0]),
      xReduced1: back(inner.strides[0]),
      count,
      kept: sizeOf(lengths),
      keptRank: outer.shape.length,
      length: sizeOf(inner.shape),
      reducedRank: inner.shape.length,
      chunks: chunks.count,
      tile: chunks.tile,
      interleave: chunks.interleave,
      yChunk: yChunk / yWidth,
      chunksFirst: chunksFirst ? 1 : 0,
      begin,
      a: call.numbers.a,
      b: call.numbers.b,
    },
    gridOf(count),
  );
}

/** Reduces in as many stages as it takes. */
function reduceInto(call: Call, source: Source, target: Target): void {
  const { x, kept, reduced } = source;
  if (!(fitsBinding(x) && fitsBinding(target.y))) {
    reduceHalves(call, source, target);
    return;
  }
  const lengths = pickFrom(x.shape, kept);
  const chunks = chunksOf(sizeOf(pickFrom(x.shape, reduced)), call);
  if (chunks.count === 1) {
    stage(call, source, target, chunks, 0, false);
    return;
  }
  const nearest = (axes: readonly number[]): number =>
    Math.min(...axes.filter((axis) => x.shape[axis] > 1).map((axis) => x.strides[axis]));
  const chunksFirst = nearest(reduced) <= nearest(kept);
  const partials = makePartials(call, x, lengths, chunks.count, chunksFirst);
  stage(call, source, { y: partials, isLast: false }, chunks, partials.strides[kept.length], chunksFirst);
  reduceInto(call, sourceOf(partials), target);
  partials.dispose();
}

const sourceOf = (partials: Tensor): Source => {
  const rank = partials.rank - 2;
  return {
    x: partials,
    kept: Array.from({ length: rank }, (_, i) => i),
    reduced: [rank],
    isFirst: false,
    begin: 0,
  };
};

/** Halves what cannot be bound whole along its widest axis; halves of a reduced axis are combined at the end. */
function reduceHalves(call: Call, source: Source, target: Target): void {
  const { x, kept, reduced } = source;
  const span = (view: Tensor, axis: number): number => (view.shape[axis] - 1) * view.strides[axis];
  const spans = fitsBinding(x)
    ? kept.map((_, i) => span(target.y, i))
    : [...kept, ...reduced].map((axis) => span(x, axis));
  const widest = spans.indexOf(Math.max(...spans));
  if (!(spans[widest] > 0)) requireBindable(call.op, x, target.y);
  const axis = [...kept, ...reduced][widest];
  const length = x.shape[axis];
  const middle = Math.ceil(length / 2);
  const isKept = widest < kept.length;
  const partials = isKept
    ? undefined
    : makePartials(
        call,
        x,
        kept.map((k) => x.shape[k]),
        2,
        true,
      );
  [
    [0, middle],
    [middle, length],
  ].forEach(([begin, end], half) => {
    const part = { ...source, x: sliceView(x, axis, begin, end) };
    if (!partials) {
      const y = sliceView(target.y, widest, begin, end);
      reduceInto(call, part, { ...target, y });
      y.dispose();
    } else {
      const slice = sliceView(partials, kept.length, half, half + 1);
      const [strides, shape] = [slice.strides, slice.shape].map((list) => list.filter((_, i) => i !== kept.length));
      const y = slice.view(shape, strides);
      reduceInto(call, { ...part, begin: source.begin + begin }, { y, isLast: false });
      slice.dispose();
      y.dispose();
    }
    part.x.dispose();
  });
  if (partials) reduceInto(call, sourceOf(partials), target);
  partials?.dispose();
}

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
