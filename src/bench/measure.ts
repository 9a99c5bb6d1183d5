import { type Gpu, MemoryLimitError, ShaderCompileError, type ShaderMessage } from "../gpu/index.ts";
import { sizeOf, type Tensor, tensor, tidy } from "../tensor/index.ts";
import { findFault } from "./check.ts";
import { describeCompileFault } from "./compile-fault.ts";
import type { Candidate, Problem, Work } from "./problem.ts";
import { type Timing, type TimingOptions, timeAlternating } from "./timing.ts";

/** How one candidate did. Only what is right is timed. */
export interface Measured {
  name: string;
  adds: string;
  /** `wrong`: it disagrees with the reference; `failed`: it threw; `unavailable`: the adapter lacks what it needs, or cannot bind as much. */
  status: "right" | "wrong" | "failed" | "unavailable";
  /** What is wrong, the error, or what is missing. */
  reason?: string;
  /** The compiler's words, where the shader does not compile. */
  messages?: readonly ShaderMessage[];
  /** Which of its kernels the engine chose. */
  note?: string;
  timing?: Timing;
}

/** What is being done with the candidates of a ladder. */
export type LadderProgress =
  | { type: "checking"; name: string; done: number; total: number }
  /** What the check found; those that are right are yet to be timed. */
  | { type: "checked"; row: Measured }
  | { type: "timing"; count: number };

/**
 * Checks candidates against the double-precision reference of a problem, each from fresh results, and then times those
 * that are right, alternating.
 *
 * @param scratch elements of a buffer for partial results behind the results; 0 for none.
 * @param onProgress is told of each step.
 */
export async function measure(
  gpu: Gpu,
  problem: Problem,
  candidates: readonly Candidate[],
  options: TimingOptions,
  scratch = 0,
  onProgress: (progress: LadderProgress) => void = () => {},
): Promise<Measured[]> {
  const owned: Disposable[] = [];
  try {
    const own = <T extends Disposable>(x: T): T => {
      owned.push(x);
      return x;
    };
    const operands = Object.fromEntries(
      problem.inputs.map(({ name, shape, dtype, values }) => [name, own(tensor(values, shape, { dtype, gpu }))]),
    );
    const results = problem.results.map(({ shape }) => own(tensor(new Float32Array(sizeOf(shape)), shape, { gpu })));
    if (scratch > 0) results.push(own(tensor(new Float32Array(scratch), [scratch], { gpu })));
    const rows: Measured[] = [];
    const works: Work[] = [];
    const timed: Measured[] = [];
    for (const [done, candidate] of candidates.entries()) {
      options.signal?.throwIfAborted();
      onProgress({ type: "checking", name: candidate.name, done, total: candidates.length });
      const { name, adds } = candidate;
      const missing = candidate.unavailable?.(gpu);
      if (missing) {
        rows.push({ name, adds, status: "unavailable", reason: missing });
        onProgress({ type: "checked", row: rows[done] });
        continue;
      }
      const row: Measured = { name, adds, status: "right", note: candidate.note?.(gpu) };
      rows.push(row);
      try {
        reset(gpu, problem, results);
        const work = await candidate.prepare(operands, results, own);
        row.reason = await checkOnce(problem, work, results);
        if (row.reason) {
          row.status = "wrong";
        } else {
          works.push(work);
          timed.push(row);
        }
      } catch (error) {
        options.signal?.throwIfAborted();
        row.status = error instanceof MemoryLimitError ? "unavailable" : "failed";
        const isShader = error instanceof ShaderCompileError;
        row.reason = isShader ? describeCompileFault(error) : (error as Error).message;
        if (isShader && error.messages.length > 0) row.messages = error.messages;
      }
      onProgress({ type: "checked", row: { ...row } });
    }
    if (works.length > 0) onProgress({ type: "timing", count: works.length });
    const timings = await timeAlternating(gpu, works, options);
    timed.forEach((row, i) => {
      row.timing = timings[i];
    });
    return rows;
  } finally {
    for (const x of owned.reverse()) x[Symbol.dispose]();
  }
}

/** Results as they are before the computation: what it changes in place, or NaN where it must write. */
function reset(gpu: Gpu, problem: Problem, results: readonly Tensor[]): void {
  problem.results.forEach(({ shape, initial }, i) => {
    const values = initial ?? new Float32Array(sizeOf(shape)).fill(Number.NaN);
    gpu.upload(results[i].storage.buffer, 0, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  });
}

async function checkOnce(problem: Problem, work: Work, given: readonly Tensor[]): Promise<string | undefined> {
  const results = tidy(() => [...work()]);
  try {
    return await findFault(problem, results);
  } finally {
    for (const result of results) if (!given.includes(result)) result.dispose();
  }
}
