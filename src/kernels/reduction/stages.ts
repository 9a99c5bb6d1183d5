import reduceSource from "../../../shaders/reduction/reduce.wgsl";
import { defineKernel, listVariants } from "../../gpu/index.ts";
import { type DType, permuteView, sizeOf, sliceView, type Tensor } from "../../tensor/index.ts";
import { gridOf, launch, output } from "../launch.ts";
import { back, front, mergeAxes } from "../strided.ts";
import { fitsBinding, requireBindable } from "../windows.ts";
import { chooseNeighbours, launchNeighbours } from "./neighbours.ts";
import type { Reduction } from "./reduction-functions.ts";
import { partType, reductionVariants, stageSpecialization, widthOf } from "./reductions.ts";

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
export interface Call {
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

export const pickFrom = <T>(list: readonly T[], axes: readonly number[]): T[] => axes.map((axis) => list[axis]);

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
export function reduceInto(call: Call, source: Source, target: Target): void {
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
