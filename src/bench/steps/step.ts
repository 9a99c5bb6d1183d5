import { Gpu, type OpenOptions } from "../../gpu/index.ts";
import type { ModelDirectory } from "../../io/index.ts";
import { tidy } from "../../tensor/index.ts";
import type { Peaks } from "../peaks.ts";
import { type BenchRow, withRates } from "../report.ts";
import type { StepCounts } from "../step-counts.ts";
import { LEAST_SAMPLES, type Sample, type Timing, type TimingOptions, timingOf } from "../timing.ts";

/** A piece of work of a real model: a block, or a whole training step. */
export interface StepRow {
  readonly id: string;
  readonly title: string;
  /** What one run works on. */
  readonly items?: { readonly count: number; readonly unit: "tokens/s" | "images/s" };
  /** Multiplications and additions of its products; 0 where nobody counted. */
  readonly operations: number;
  /** Makes the model and its data. Returns undefined when something that is not in the package is missing. */
  prepare(gpu: Gpu, resources: StepResources): Promise<Step | undefined>;
}

/** What a step reads from outside, where there is an outside. */
export interface StepResources {
  /** The bundled GPT-2. */
  readonly bundledModel?: () => Promise<ModelDirectory>;
}

export interface Step extends Disposable {
  /** Records one run; what it makes is freed, and nothing is read back. */
  run(): void;
  /** Whether what the last run left behind is right: a loss that is a number, a result that is finite. */
  check(): Promise<string | undefined>;
}

/** Runs ahead of those that are counted and timed. */
const WARM_UPS = 2;

/** Runs a step: the first run with everything to compile, two to warm up, one to count, and some to time. */
export async function runStep(
  gpu: Gpu,
  row: StepRow,
  peaks: Peaks,
  options: TimingOptions,
  resources: StepResources,
): Promise<BenchRow> {
  const { id, title, items, operations } = row;
  const base = { id, title, name: "graft", adds: title, group: "end-to-end", suite: "end-to-end" as const };
  const line = { ...base, operations, bytes: 0 };
  try {
    using step = await row.prepare(gpu, resources);
    if (!step) return { ...line, status: "unavailable", reason: "it needs files that are not here" };
    await gpu.finish();
    const run = (): void => tidy(() => step.run());
    const first = await gpu.time(run);
    const fault = await step.check();
    if (fault) return { ...line, status: "wrong", reason: fault };
    for (let i = 0; i < WARM_UPS; i++) await gpu.time(run);
    const counts = await countRun(gpu, run);
    const { timing, encode } = await timeStep(gpu, run, options);
    const throughput = items && { value: items.count / (timing.wall / 1000), unit: items.unit };
    return withRates(
      {
        ...line,
        status: "right",
        timing,
        throughput,
        counts,
        firstMilliseconds: first.wallMilliseconds,
        encodeMicroseconds: (1000 * encode) / Math.max(counts.dispatches, 1),
      },
      peaks,
    );
  } catch (error) {
    options.signal?.throwIfAborted();
    return { ...line, status: "failed", reason: (error as Error).message };
  }
}

/**
 * Milliseconds from a model that is ready to the end of its first run, on a device of its own: what a user waits for the
 * compiler. The model itself is made before, and what that compiles with it.
 */
export async function firstRunOf(row: StepRow, open: OpenOptions, resources: StepResources): Promise<number> {
  using gpu = await Gpu.open(open);
  using step = await row.prepare(gpu, resources);
  if (!step) throw new Error(`${row.id}: it needs files that are not here`);
  await gpu.finish();
  const { wallMilliseconds } = await gpu.time(() => tidy(() => step.run()));
  const fault = await step.check();
  if (fault) throw new Error(`${row.id}: ${fault}`);
  return wallMilliseconds;
}

/** What a run of a step asks of the device after two to warm up. Nothing is looked at: any device will do. */
export async function countStep(gpu: Gpu, row: StepRow, resources: StepResources): Promise<StepCounts | undefined> {
  using step = await row.prepare(gpu, resources);
  if (!step) return undefined;
  const run = (): void => tidy(() => step.run());
  for (let i = 0; i <= WARM_UPS; i++) run();
  return await countRun(gpu, run);
}

async function countRun(gpu: Gpu, run: () => void): Promise<StepCounts> {
  await gpu.finish();
  gpu.resetPeak();
  const before = gpu.statistics;
  run();
  await gpu.finish();
  const after = gpu.statistics;
  const made = (key: Exclude<keyof StepCounts, "peakBytes">): number => after[key] - before[key];
  return {
    dispatches: made("dispatches"),
    submits: made("submits"),
    buffersCreated: made("buffersCreated"),
    bindGroupsCreated: made("bindGroupsCreated"),
    pipelinesCreated: made("pipelinesCreated"),
    peakBytes: after.peakBytes,
  };
}

/** Times runs one by one, by the wall; `encode` is the least time the host needs to record one. */
async function timeStep(
  gpu: Gpu,
  run: () => void,
  { samples, budgetMilliseconds, signal }: TimingOptions,
): Promise<{ timing: Timing; encode: number }> {
  const taken: Sample[] = [];
  let encode = Number.POSITIVE_INFINITY;
  for (let spent = 0; taken.length < samples && (taken.length < LEAST_SAMPLES || spent < budgetMilliseconds); ) {
    signal?.throwIfAborted();
    const { wallMilliseconds, gpuMilliseconds } = await gpu.time(() => {
      const begin = performance.now();
      run();
      encode = Math.min(encode, performance.now() - begin);
    });
    taken.push({ wall: wallMilliseconds, gpu: gpuMilliseconds });
    spent += wallMilliseconds;
  }
  return { timing: timingOf(taken, 1, false), encode };
}
