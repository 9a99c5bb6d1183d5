import type { Gpu } from "../gpu/index.ts";
import { BenchUsageError, candidatesOf, type Family, formatSizes, lackOfRoom, parseSizes } from "./family.ts";
import { type LadderProgress, measure } from "./measure.ts";
import type { Peaks } from "./peaks.ts";
import type { Candidate } from "./problem.ts";
import { type BenchRow, withRates } from "./report.ts";
import { shaderCandidate } from "./shader-candidate.ts";
import type { TimingOptions } from "./timing.ts";

/** What to run of a family. */
export interface LadderChoice {
  family: Family;
  /** As on a command line; the family's default for the adapter when undefined. */
  size?: string;
  /** Names of variants; all when undefined. */
  variants?: readonly string[];
  /** A user's shader that keeps the family's contract: it runs behind the chosen variants. */
  shader?: { name: string; wgsl: string };
}

/** The candidates of a choice, in the ladder's order. @throws BenchUsageError for a size or variant there is not. */
export function chooseCandidates(
  { family, size, variants, shader }: LadderChoice,
  isSoftware: boolean,
): { size: string; candidates: Candidate[] } {
  const text = size ?? family.defaultSize[isSoftware ? "software" : "hardware"];
  const sizes = parseSizes(family, text);
  const all = candidatesOf(family, sizes);
  const unknown = variants?.find((name) => !all.some((candidate) => candidate.name === name));
  if (unknown !== undefined) {
    const names = all.map(({ name }) => name).join(", ");
    throw new BenchUsageError(
      `${family.name} has no variant ${JSON.stringify(unknown)}; there are ${names}, and "all"`,
    );
  }
  const candidates = variants ? all.filter(({ name }) => variants.includes(name)) : all;
  if (shader) {
    const adds = "A shader of your own.";
    candidates.push(shaderCandidate(shader.name, adds, shader.wgsl, family.contract(sizes)));
  }
  return { size: formatSizes(family, sizes), candidates };
}

/** @throws BenchUsageError for a size or variant there is not, and for a tensor that no buffer of the device holds. */
export function requireRoom(choice: LadderChoice, gpu: Gpu): void {
  const { family } = choice;
  const { size } = chooseCandidates(choice, gpu.adapter.isSoftware);
  const lack = lackOfRoom(family, parseSizes(family, size), gpu.limits);
  if (lack) throw new BenchUsageError(`${family.name} of size ${size} is too large: ${lack}`);
}

/** Climbs a ladder: every variant is checked, then those that are right are timed, alternating. */
export async function runLadder(
  gpu: Gpu,
  choice: LadderChoice,
  peaks: Peaks,
  options: TimingOptions,
  onProgress?: (progress: LadderProgress) => void,
): Promise<BenchRow[]> {
  const { family } = choice;
  const { size, candidates } = chooseCandidates(choice, gpu.adapter.isSoftware);
  const sizes = parseSizes(family, size);
  const problem = family.problem(sizes);
  const scratch = family.contract(sizes).scratch?.length;
  const measured = await measure(gpu, problem, candidates, options, scratch, onProgress);
  const group = `${family.name}/${size}`;
  return measured.map((one) =>
    withRates(
      {
        ...one,
        id: `${group}/${one.name}`,
        group,
        suite: "ladder",
        title: family.computes,
        operations: problem.operations,
        bytes: problem.bytes,
      },
      peaks,
    ),
  );
}
