import source from "../../../shaders/reduction/reduce-neighbours.wgsl";
import { defineKernel, type Gpu, linearGrid, listVariants } from "../../gpu/index.ts";
import { type DType, sizeOf, type Tensor } from "../../tensor/index.ts";
import { launch } from "../launch.ts";

import { back, front } from "../strided.ts";
import { defineFamily } from "../variants/variants.ts";
import type { Reduction } from "./reduction-functions.ts";
import { neighboursSpecialization, neighboursVariants } from "./reductions.ts";

const neighboursKernel = defineKernel({
  name: "reduce-neighbours",
  source,
  bindings: { x: "read", y: "read_write" },
  params: {
    keptShape0: "vec4<u32>",
    keptShape1: "vec4<u32>",
    xKept0: "vec4<u32>",
    xKept1: "vec4<u32>",
    yKept0: "vec4<u32>",
    yKept1: "vec4<u32>",
    count: "u32",
    fast: "u32",
    keptRank: "u32",
    length: "u32",
    xStep: "u32",
    chunks: "u32",
    tile: "u32",
    interleave: "u32",
    yChunk: "u32",
    xOffset: "u32",
    yOffset: "u32",
    a: "f32",
    b: "f32",
  },
});
listVariants(neighboursKernel, neighboursVariants);

const family = defineFamily<1 | 4>({
  name: "reduction",
  candidates: [
    { name: "one", value: 1 },
    { name: "four", value: 4 },
  ],
});

/** How many neighbouring results an invocation makes where vectors of them can be read; bits do not depend on it. */
export const chooseNeighbours = (gpu: Gpu): 1 | 4 => family.choose(gpu).value;

/** A stage whose accumulators are numbers and whose reduced axes lie in memory as one. Strides are in elements. */
export interface NumberStage {
  readonly call: {
    readonly op: string;
    readonly reduction: Reduction;
    readonly dtype: DType;
    readonly numbers: { readonly a: number; readonly b: number };
  };
  readonly x: Tensor;
  readonly y: Tensor;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** The kept axes, merged, and the strides of x and y along them. */
  readonly shape: readonly number[];
  readonly xKept: readonly number[];
  readonly yKept: readonly number[];
  /** Elements of the reduced axes, and the stride of x along them. */
  readonly length: number;
  readonly xStep: number;
  readonly chunks: { readonly count: number; readonly tile: number; readonly interleave: number };
  readonly yChunk: number;
  readonly chunksFirst: boolean;
}

const isWhole = (value: number): boolean => value % 4 === 0;

/** Along what four neighbours can be read as a vector, if they can. */
function neighboursOf(stage: NumberStage): "chunks" | "results" | undefined {
  const { x, shape, xKept, yKept, xStep, chunks } = stage;
  if (!isWhole(x.offset)) return undefined;
  if (stage.chunksFirst && chunks.count > 1) {
    return xStep === 1 && isWhole(chunks.interleave) && xKept.every(isWhole) ? "chunks" : undefined;
  }
  const last = shape.length - 1;
  const isDense = last >= 0 && xKept[last] === 1 && yKept[last] === 1 && isWhole(shape[last]);
  return isDense && isWhole(xStep) && xKept.slice(0, last).every(isWhole) ? "results" : undefined;
}

/** Records a stage four results at a time, if what they read lies side by side. */
export function launchNeighbours(stage: NumberStage): boolean {
  const along = neighboursOf(stage);
  if (!along) return false;
  const { call, x, y, isFirst, isLast, length, xStep, chunks, yChunk } = stage;
  const kept = sizeOf(stage.shape);
  const isAcross = along === "chunks";
  const fast = Math.ceil((isAcross ? chunks.count : kept) / 4);
  const count = fast * (isAcross ? kept : chunks.count);
  launch(
    call.op,
    neighboursKernel.variant(neighboursSpecialization(call.reduction, call.dtype, isFirst, isLast, isAcross)),
    [x, y],
    {
      keptShape0: front(stage.shape),
      keptShape1: back(stage.shape),
      xKept0: front(stage.xKept),
      xKept1: back(stage.xKept),
      yKept0: front(stage.yKept),
      yKept1: back(stage.yKept),
      keptRank: stage.shape.length,
      count,
      fast,
      length,
      xStep,
      yChunk,
      chunks: chunks.count,
      tile: chunks.tile,
      interleave: chunks.interleave,
      a: call.numbers.a,
      b: call.numbers.b,
    },
    linearGrid(Math.ceil(count / 16)), // few invocations, for several threads
  );
  return true;
}
