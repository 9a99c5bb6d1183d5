import { DeviceLostError, type Gpu, isAvailable, type KernelFamily, type VariantTable } from "../../gpu/index.ts";
import { tensor, tidy } from "../../tensor/index.ts";
import { findFault } from "../check.ts";
import { describeFamily } from "../descriptions.ts";
import type { Problem, Work } from "../problem.ts";
import type { OpRow } from "../table/op-row.ts";
import { type TimingOptions, timeAlternating } from "../timing.ts";

/** A family and the computations its candidates are compared by. */
export interface TuneSubject {
  readonly family: KernelFamily;
  /** Computations on which candidates are checked alone, ahead of the others. */
  readonly proofs?: readonly OpRow[];
  /** Computations on which those that are right are timed. */
  readonly probes: readonly OpRow[];
}

/** How one candidate of a family did. */
export interface CandidateResult {
  readonly name: string;
  readonly description: string;
  /** `wrong`: it failed the known-answer check; `failed`: it threw; `unavailable`: the device lacks what it needs. */
  status: "right" | "wrong" | "failed" | "unavailable";
  /** What is wrong, the error, or what is missing. */
  reason?: string;
  /** Whether its results had the bits of the candidate in use; undefined when it was not right. */
  hasSameBits?: boolean;
  /** How many times as fast as the candidate in use: the geometric mean over the probes. */
  speed?: number;
}

/** Milliseconds of one probe, by name of the candidate. */
export interface ProbeResult {
  readonly title: string;
  readonly median: Readonly<Record<string, number>>;
  readonly least: Readonly<Record<string, number>>;
}

/** What was measured of a family's candidates. */
export interface FamilyResult {
  readonly family: string;
  readonly description: string;
  /** The candidate in use before, and the one to use: another only when it is right and clearly faster. */
  readonly inUse: string;
  readonly best: string;
  /** How many times as fast the best is as the one in use; 1 when it is that. */
  readonly gain: number;
  readonly candidates: readonly CandidateResult[];
  readonly probes: readonly ProbeResult[];
}

/** A candidate must be this much faster, by medians and by least times, twice, to take the place of the one in use. */
const LEAST_GAIN = 1.05;

/**
 * Measures the candidates of kernel families on a device, each behind a known-answer check: its results must agree with
 * sums in double precision, and on software adapters, which round every operation, have the bits of the candidate in use
 * (a GPU's compiler may fuse products and sums of one candidate and not of another). Candidates that group sums differently
 * are held to the first alone. Times alternate between the candidates.
 *
 * @throws DeviceLostError naming the candidate that was tried when the device was lost.
 */
export async function* tune(
  gpu: Gpu,
  subjects: readonly TuneSubject[],
  options: TimingOptions,
): AsyncGenerator<FamilyResult, void> {
  for (const subject of subjects) yield await tuneFamily(gpu, subject, options);
}

/** The table of what was found better than what was in use. */
export const betterVariants = (results: readonly FamilyResult[]): VariantTable =>
  Object.fromEntries(results.filter(({ best, inUse }) => best !== inUse).map(({ family, best }) => [family, best]));

async function tuneFamily(
  gpu: Gpu,
  { family, proofs = [], probes }: TuneSubject,
  options: TimingOptions,
): Promise<FamilyResult> {
  const inUse = family.choose(gpu).name;
  const words = describeFamily(family.name);
  const candidates: CandidateResult[] = family.candidates.map((candidate) => {
    const { name, needs } = candidate;
    const description = words.candidates[name] ?? "";
    return isAvailable(candidate, gpu)
      ? { name, description, status: "right" }
      : { name, description, status: "unavailable", reason: `needs ${needs}` };
  });
  // The one in use comes first: the others are held to its bits.
  const order = [...candidates].sort((a, b) => Number(b.name === inUse) - Number(a.name === inUse));
  const measure = async (some: readonly CandidateResult[]): Promise<ProbeResult[]> => {
    const results: ProbeResult[] = [];
    for (const probe of probes) {
      options.signal?.throwIfAborted();
      results.push(await runProbe(gpu, family, probe, some, options));
    }
    return results;
  };
  for (const proof of proofs) {
    options.signal?.throwIfAborted();
    await runProbe(gpu, family, proof, order, options, false);
  }
  const results = await measure(order);
  const right = candidates.filter(({ status }) => status === "right");
  const base = right.find(({ name }) => name === inUse) ?? right[0];
  let [best, gain] = [base, 1];
  for (const candidate of right) {
    candidate.speed = gainOf(results, base.name, candidate.name, "median");
    const surely = sureGain(results, base.name, candidate.name);
    if (surely >= LEAST_GAIN && surely > gain) [best, gain] = [candidate, surely];
  }
  // On a busy machine something is the faster by chance: hardly twice.
  if (best !== base) {
    const again = sureGain(await measure([base, best]), base.name, best.name);
    [best, gain] = again >= LEAST_GAIN ? [best, Math.min(gain, again)] : [base, 1];
  }
  return {
    family: family.name,
    description: words.family,
    inUse,
    best: best?.name ?? inUse,
    gain,
    candidates,
    probes: results,
  };
}

/** How many times as fast a candidate is as another: the geometric mean over the probes. */
function gainOf(results: readonly ProbeResult[], base: string, name: string, of: "median" | "least"): number {
  const logarithms = results.map((result) => Math.log(result[of][base] / result[of][name]));
  return Math.exp(logarithms.reduce((sum, value) => sum + value, 0) / logarithms.length);
}

/** The lesser of the gains by medians and by least times. */
const sureGain = (results: readonly ProbeResult[], base: string, name: string): number =>
  Math.min(gainOf(results, base, name, "median"), gainOf(results, base, name, "least"));

/** Checks candidates that were right so far on one computation, and times those that still are, if they are to be. */
async function runProbe(
  gpu: Gpu,
  family: KernelFamily,
  probe: OpRow,
  candidates: readonly CandidateResult[],
  options: TimingOptions,
  isTimed = true,
): Promise<ProbeResult> {
  const owned: Disposable[] = [];
  const own = <T extends Disposable>(x: T): T => {
    owned.push(x);
    return x;
  };
  const before = gpu.variants;
  const title = `${probe.title}, ${probe.id.slice(probe.id.lastIndexOf("/") + 1)}`;
  try {
    const problem = probe.problem();
    const operands = Object.fromEntries(
      problem.inputs.map(({ name, shape, dtype, values }) => [name, own(tensor(values, shape, { dtype, gpu }))]),
    );
    const { sums } = family.candidate(candidates[0].name);
    let known: Uint32Array[] | undefined;
    const timed: { name: string; work: Work }[] = [];
    for (const candidate of candidates.filter(({ status }) => status === "right")) {
      options.signal?.throwIfAborted();
      const { name } = candidate;
      const mustMatch = gpu.adapter.isSoftware && family.candidate(name).sums === sums;
      const table = { ...before, [family.name]: name };
      try {
        gpu.variants = table;
        const prepared = await probe.candidate.prepare(operands, [], own);
        const work: Work = () => {
          gpu.variants = table;
          return prepared();
        };
        const { fault, bits } = await prove(problem, work);
        known ??= fault ? undefined : bits;
        const differences = known ? countDifferent(known, bits) : 0;
        const isOff = differences > 0 && mustMatch;
        if (fault || isOff) {
          candidate.status = "wrong";
          candidate.reason = `${title}: ${fault ?? `${differences} numbers are not those of the candidate in use`}`;
          continue;
        }
        candidate.hasSameBits = (candidate.hasSameBits ?? true) && differences === 0;
        if (isTimed) timed.push({ name, work });
      } catch (error) {
        if (error instanceof DeviceLostError) {
          throw new DeviceLostError(error.reason, `while ${family.name} ${name} was tried: ${title}`);
        }
        if (options.signal?.aborted) throw error;
        candidate.status = "failed";
        candidate.reason = `${title}: ${(error as Error).message}`;
      }
    }
    const works = timed.map(({ work }) => work);
    const timings = await timeAlternating(gpu, works, options);
    const by = (pick: "median" | "least") => Object.fromEntries(timed.map(({ name }, i) => [name, timings[i][pick]]));
    return { title, median: by("median"), least: by("least") };
  } finally {
    gpu.variants = before;
    for (const x of owned.reverse()) x[Symbol.dispose]();
  }
}

/** Runs a computation once: what is wrong with it, and the bits of its results. */
async function prove(problem: Problem, work: Work): Promise<{ fault: string | undefined; bits: Uint32Array[] }> {
  const results = tidy(() => [...work()]);
  try {
    const fault = await findFault(problem, results);
    const bits: Uint32Array[] = [];
    for (const result of results) {
      const { buffer, byteOffset, length } = (await result.data()) as Float32Array;
      bits.push(new Uint32Array(buffer, byteOffset, length));
    }
    return { fault, bits };
  } finally {
    for (const result of results) result.dispose();
  }
}

const countDifferent = (a: readonly Uint32Array[], b: readonly Uint32Array[]): number =>
  a.reduce((sum, values, i) => sum + values.filter((bits, place) => bits !== b[i][place]).length, 0);
