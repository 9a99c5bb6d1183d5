import addChunksSource from "../../../shaders/optimizer/add-chunks.wgsl";
import clipScaleSource from "../../../shaders/optimizer/clip-scale.wgsl";
import squaresSource from "../../../shaders/optimizer/gradient-squares.wgsl";
import { defineKernel, joined } from "../../gpu/index.ts";
import { sliceView, type Tensor } from "../../tensor/index.ts";
import { fillWith } from "../copy.ts";
import { gridOf, launch, output } from "../launch.ts";
import { forFlatWindows } from "../windows.ts";
import { forUnits, type UpdateRun, unitParams } from "./units.ts";

/** Sums of squares of a unit, as in the shader. */
const SUMS = 16;
/** Sums of squares that are added up in one go, as in the shader. */
const CHUNK = 1024;

const squaresKernel = defineKernel({
  name: "gradient-squares",
  source: squaresSource,
  bindings: { units: "read", gradient: "read", sums: "read_write" },
  params: joined(unitParams, { ordinal: "u32", sumsOffset: "u32" }),
});

const addChunksKernel = defineKernel({
  name: "add-chunks",
  source: addChunksSource,
  bindings: { x: "read", y: "read_write" },
  params: { count: "u32", xOffset: "u32", yOffset: "u32" },
});

const clipScaleKernel = defineKernel({
  name: "clip-scale",
  source: clipScaleSource,
  bindings: { x: "read", y: "read_write" },
  params: { count: "u32", limit: "f32", skipsNonFinite: "u32", xOffset: "u32", yOffset: "u32" },
});

/**
 * Global norm of the gradients of several runs, the factor that clips it, and whether the step is to be left out:
 * [min(1, limit / (norm + 1e-6)), norm, flag], shape [3]. It stays on the GPU; the optimizer kernels read it there.
 *
 * Squares are added in an order that the list of all `unitTotal` units gives, whichever of them are in the runs and
 * wherever they lie: 16 sums a unit, then 1024 of these sums, then all.
 */
export function clipScale(
  runs: readonly UpdateRun[],
  unitTotal: number,
  { limit, skipsNonFinite }: { limit: number; skipsNonFinite: boolean },
): Tensor {
  const { units } = runs[0];
  const sums = output("clip", units, [unitTotal * SUMS], "f32");
  if (runs.reduce((sum, { unitCount }) => sum + unitCount, 0) < unitTotal) fillWith(sums, 0);
  for (const run of runs) {
    forUnits(run, [run.gradient], ([gradient], place, begin) => {
      const ordinal = run.ordinal + begin;
      const own = sliceView(sums, 0, ordinal * SUMS, (ordinal + place.unitCount) * SUMS);
      const params = { ...place, ordinal };
      launch("clip", squaresKernel.variant(), [run.units, gradient, own], params, gridOf(place.unitCount * SUMS));
      own.dispose();
    });
  }
  const count = Math.ceil(sums.size / CHUNK);
  const chunks = output("clip", sums, [count]);
  forFlatWindows([sums], ([window], size, begin) => {
    const own = sliceView(chunks, 0, begin / CHUNK, count);
    launch("clip", addChunksKernel.variant(), [window, own], { count: size }, gridOf(Math.ceil(size / CHUNK)));
    own.dispose();
  });
  const result = output("clip", sums, [3]);
  const params = { count, limit, skipsNonFinite: skipsNonFinite ? 1 : 0 };
  launch("clip", clipScaleKernel.variant(), [chunks, result], params, [1, 1, 1]);
  sums.dispose();
  chunks.dispose();
  return result;
}
