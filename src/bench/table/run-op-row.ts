import type { Gpu } from "../../gpu/index.ts";
import { measure } from "../measure.ts";
import type { Peaks } from "../peaks.ts";
import { type BenchRow, withRates } from "../report.ts";
import type { TimingOptions } from "../timing.ts";
import type { OpRow } from "./op-row.ts";

/** Checks and times one op. The wall clock counts: other engines have no other. */
export async function runOpRow(gpu: Gpu, row: OpRow, peaks: Peaks, options: TimingOptions): Promise<BenchRow> {
  const problem = row.problem();
  const [measured] = await measure(gpu, problem, [row.candidate], { ...options, preferGpuClock: false });
  const { operations, bytes } = problem;
  const { id, title } = row;
  return withRates({ ...measured, id, group: "table", suite: "table", title, operations, bytes }, peaks);
}
