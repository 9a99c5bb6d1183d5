import type { Gpu } from "../gpu/index.ts";
import { type LadderChoice, requireRoom, runLadder } from "./ladder.ts";
import type { LadderProgress } from "./measure.ts";
import { measurePeaks, type Peaks } from "./peaks.ts";
import type { BenchRow } from "./report.ts";
import { runStep, type StepResources, type StepRow } from "./steps/step.ts";
import type { OpRow } from "./table/op-row.ts";
import { runOpRow } from "./table/run-op-row.ts";
import type { TimingOptions } from "./timing.ts";

/** What one run does, in order. */
export interface BenchPlan {
  ladders: readonly LadderChoice[];
  ops: readonly OpRow[];
  steps: readonly StepRow[];
}

/** What happens in a run. */
export type BenchEvent =
  /** Ahead of all rows, and again behind them: what was better of both times, as others may have had the machine. */
  | { type: "peaks"; peaks: Peaks }
  | { type: "begin"; title: string; done: number; total: number }
  /** Rows of one group, which were timed together. */
  | { type: "rows"; rows: readonly BenchRow[] };

/**
 * Runs a plan. Sizes and variants are looked at before anything is measured.
 *
 * @param onProgress is told what happens within a ladder.
 */
export async function* runBench(
  gpu: Gpu,
  plan: BenchPlan,
  options: TimingOptions,
  resources: StepResources = {},
  onProgress?: (progress: LadderProgress) => void,
): AsyncGenerator<BenchEvent, void> {
  for (const ladder of plan.ladders) requireRoom(ladder, gpu);
  const total = plan.ladders.length + plan.ops.length + plan.steps.length;
  let done = 0;
  const peaks = await measurePeaks(gpu, options);
  yield { type: "peaks", peaks };
  for (const ladder of plan.ladders) {
    yield { type: "begin", title: ladder.family.name, done: done++, total };
    yield { type: "rows", rows: await runLadder(gpu, ladder, peaks, options, onProgress) };
  }
  for (const row of plan.ops) {
    yield { type: "begin", title: row.id, done: done++, total };
    yield { type: "rows", rows: [await runOpRow(gpu, row, peaks, options)] };
    gpu.trim();
  }
  for (const row of plan.steps) {
    yield { type: "begin", title: row.id, done: done++, total };
    yield { type: "rows", rows: [await runStep(gpu, row, peaks, options, resources)] };
    gpu.trim();
  }
  const after = await measurePeaks(gpu, options);
  const best = (key: keyof Peaks): number => Math.max(peaks[key], after[key]);
  yield { type: "peaks", peaks: { gigaflops: best("gigaflops"), gigabytes: best("gigabytes") } };
}
