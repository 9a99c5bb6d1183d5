import type { Gpu } from "../gpu/index.ts";
import { tidy } from "../tensor/index.ts";
import type { Work } from "./problem.ts";

/** Times of one computation in milliseconds. */
export interface Timing {
  median: number;
  /** Quartiles: half of the samples lie between them. */
  lower: number;
  upper: number;
  least: number;
  samples: number;
  /** Runs in one sample: what is short is run several times between two looks at the clock. */
  runs: number;
  /** `gpu`: timestamps of the adapter; `wall`: from the first command until the queue has run dry. */
  clock: "gpu" | "wall";
  /** Median by the wall, whatever the clock. */
  wall: number;
  /** Median by the adapter's timestamps, whatever the clock; null where it has none. */
  gpu: number | null;
}

/** How long and by which clock computations are timed. */
export interface TimingOptions {
  /** Samples of each computation. */
  samples: number;
  /** Milliseconds that a sample takes at least. */
  sampleMilliseconds: number;
  /** Milliseconds for all samples of a computation; three are taken at least. */
  budgetMilliseconds: number;
  /** Whether the adapter's timestamps count, where it has them. */
  preferGpuClock: boolean;
  signal?: AbortSignal;
}

/** Times that are worth their while on an adapter. */
export const timingDefaults = (gpu: Gpu): TimingOptions => ({
  samples: 9,
  sampleMilliseconds: gpu.adapter.isSoftware ? 20 : 5,
  budgetMilliseconds: 2500,
  preferGpuClock: true,
});

/** Samples taken of what is long. */
export const LEAST_SAMPLES = 3;
const MOST_RUNS = 4096;

/** Milliseconds of a run by both clocks. */
export interface Sample {
  wall: number;
  gpu: number | null;
}

async function takeSample(gpu: Gpu, work: () => void, runs: number): Promise<Sample> {
  const { wallMilliseconds, gpuMilliseconds } = await gpu.time(() => {
    for (let i = 0; i < runs; i++) work();
  });
  return { wall: wallMilliseconds / runs, gpu: gpuMilliseconds === null ? null : gpuMilliseconds / runs };
}

/** How many runs make one sample, and the first such sample. */
async function findRuns(gpu: Gpu, work: () => void, least: number): Promise<{ runs: number; first: Sample }> {
  let runs = 1;
  for (;;) {
    const first = await takeSample(gpu, work, runs);
    const { wall } = first;
    if (wall * runs >= least || runs >= MOST_RUNS) return { runs, first };
    const wanted = Math.ceil((1.2 * least) / Math.max(wall, 1e-6));
    runs = Math.min(MOST_RUNS, 8 * runs, Math.max(runs + 1, wanted));
  }
}

/** Median, quartiles and least of some numbers, quartiles between neighbours by their distance. */
export function summarize(values: readonly number[]): Pick<Timing, "median" | "lower" | "upper" | "least"> {
  const sorted = [...values].sort((a, b) => a - b);
  const quantile = (q: number): number => {
    const place = q * (sorted.length - 1);
    const below = Math.floor(place);
    const above = sorted[Math.min(below + 1, sorted.length - 1)];
    return sorted[below] + (place - below) * (above - sorted[below]);
  };
  return { median: quantile(0.5), lower: quantile(0.25), upper: quantile(0.75), least: sorted[0] };
}

/**
 * Times computations that are to be compared. Samples alternate (A B C A B C …), so that what else the machine does
 * falls on all of them alike.
 */
export async function timeAlternating(gpu: Gpu, works: readonly Work[], options: TimingOptions): Promise<Timing[]> {
  const { samples, sampleMilliseconds, budgetMilliseconds, preferGpuClock, signal } = options;
  const timed: { run: () => void; runs: number; taken: Sample[]; spent: number }[] = [];
  for (const work of works) {
    const run = (): void => tidy(() => void work());
    signal?.throwIfAborted();
    const { runs, first } = await findRuns(gpu, run, sampleMilliseconds);
    // What takes longer than all its samples may is not run once more for nothing.
    const isLong = first.wall * runs > budgetMilliseconds;
    timed.push({ run, runs, taken: isLong ? [first] : [], spent: isLong ? first.wall * runs : 0 });
  }
  for (let round = 0; round < samples; round++) {
    for (const one of timed) {
      signal?.throwIfAborted();
      if (one.taken.length >= samples) continue;
      if (one.taken.length >= LEAST_SAMPLES && one.spent > budgetMilliseconds) continue;
      const sample = await takeSample(gpu, one.run, one.runs);
      one.taken.push(sample);
      one.spent += sample.wall * one.runs;
    }
  }
  return timed.map(({ taken, runs }) => timingOf(taken, runs, preferGpuClock));
}

/** Median and quartiles of samples, by the clock that counts. */
export function timingOf(taken: readonly Sample[], runs: number, preferGpuClock: boolean): Timing {
  const walls = taken.map(({ wall }) => wall);
  const times = taken.map(({ gpu }) => gpu).filter((time) => time !== null && time > 0) as number[];
  const hasGpu = times.length === taken.length;
  const clock = hasGpu && preferGpuClock ? "gpu" : "wall";
  return {
    ...summarize(clock === "gpu" ? times : walls),
    samples: taken.length,
    runs,
    clock,
    wall: summarize(walls).median,
    gpu: hasGpu ? summarize(times).median : null,
  };
}
