import type { Gpu } from "../gpu/index.ts";
import { FAMILIES } from "./families/index.ts";
import { BenchUsageError, type Family, variantNames } from "./family.ts";
import { chooseCandidates, type LadderChoice, runLadder } from "./ladder.ts";
import { measurePeaks, type Peaks } from "./peaks.ts";
import type { BenchRow } from "./report.ts";
import { runStep, STEP_ROWS, type StepResources, type StepRow } from "./steps/index.ts";
import { OP_ROWS, type OpRow, runOpRow } from "./table/index.ts";
import type { TimingOptions } from "./timing.ts";

/** What one run does, in order. */
export interface BenchPlan {
  ladders: readonly LadderChoice[];
  ops: readonly OpRow[];
  steps: readonly StepRow[];
}

/** Steps that are rows of the table which is compared with other engines. */
const TABLE_STEPS = ["transformer-block/forward", "transformer-block/forward+backward", "training-step"];

/** Suites by name. */
export const SUITES: Readonly<Record<string, { summary: string; plan: () => BenchPlan }>> = {
  all: {
    summary: "every ladder at its default size; what runs when nothing is named",
    plan: () => ({ ladders: FAMILIES.map((family) => ({ family })), ops: [], steps: [] }),
  },
  table: {
    summary: "single ops at sizes of real models, forward and backward, a block and a training step",
    plan: () => ({ ladders: [], ops: OP_ROWS, steps: STEP_ROWS.filter(({ id }) => TABLE_STEPS.includes(id)) }),
  },
  "end-to-end": {
    summary: "blocks and whole training steps, with what they ask of the device",
    plan: () => ({ ladders: [], ops: [], steps: STEP_ROWS }),
  },
};

/**
 * The plan of a name: a suite, a family, a row by its id, or all rows whose id begins with it.
 *
 * @throws BenchUsageError listing what there is.
 */
export function planOf(name: string): BenchPlan {
  if (Object.hasOwn(SUITES, name)) return SUITES[name].plan();
  const family = FAMILIES.find((one) => one.name === name);
  if (family) return { ladders: [{ family }], ops: [], steps: [] };
  const isMeant = ({ id }: { id: string }): boolean => id === name || id.startsWith(`${name}/`);
  const plan = { ladders: [], ops: OP_ROWS.filter(isMeant), steps: STEP_ROWS.filter(isMeant) };
  if (plan.ops.length + plan.steps.length > 0) return plan;
  throw new BenchUsageError(
    `nothing is named ${JSON.stringify(name)}; suites: ${Object.keys(SUITES).join(", ")}; families: ` +
      `${FAMILIES.map((one) => one.name).join(", ")}; rows: ${[...OP_ROWS, ...STEP_ROWS].map(({ id }) => id).join(", ")}`,
  );
}

/** Everything that can be named, as text by headings. */
export function listOfNames(): { heading: string; entries: readonly (readonly [name: string, text: string])[] }[] {
  const describe = (family: Family): string =>
    `${family.computes}. Size ${family.sizeForms}; variants ${variantNames(family).join(", ")}`;
  return [
    { heading: "Suites", entries: Object.entries(SUITES).map(([name, { summary }]) => [name, summary] as const) },
    { heading: "Families", entries: FAMILIES.map((family) => [family.name, describe(family)] as const) },
    { heading: "Rows of the table", entries: OP_ROWS.map(({ id, title }) => [id, title] as const) },
    { heading: "Rows end to end", entries: STEP_ROWS.map(({ id, title }) => [id, title] as const) },
  ];
}

/** What happens in a run. */
export type BenchEvent =
  /** Ahead of all rows, and again behind them: what was better of both times, as others may have had the machine. */
  | { type: "peaks"; peaks: Peaks }
  | { type: "begin"; title: string; done: number; total: number }
  /** Rows of one group, which were timed together. */
  | { type: "rows"; rows: readonly BenchRow[] };

/** Runs a plan. Sizes and variants are looked at before anything is measured. */
export async function* runBench(
  gpu: Gpu,
  plan: BenchPlan,
  options: TimingOptions,
  resources: StepResources = {},
): AsyncGenerator<BenchEvent, void> {
  for (const ladder of plan.ladders) chooseCandidates(ladder, gpu.adapter.isSoftware);
  const total = plan.ladders.length + plan.ops.length + plan.steps.length;
  let done = 0;
  const peaks = await measurePeaks(gpu, options);
  yield { type: "peaks", peaks };
  for (const ladder of plan.ladders) {
    yield { type: "begin", title: ladder.family.name, done: done++, total };
    yield { type: "rows", rows: await runLadder(gpu, ladder, peaks, options) };
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
