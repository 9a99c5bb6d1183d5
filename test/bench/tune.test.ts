import { describe, expect, it } from "vitest";
import { add, mul } from "../../src/autograd/index.ts";
import { type OpRow, runOpRow } from "../../src/bench/table/index.ts";
import { product } from "../../src/bench/table/products.ts";
import type { TimingOptions } from "../../src/bench/timing.ts";
import { betterVariants, type FamilyResult, tune, tuneSubjects } from "../../src/bench/tune/index.ts";
import { floats, halves } from "../../src/bench/values.ts";
import { type Candidate, definedFamilies, KernelFamily } from "../../src/gpu/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const quick: TimingOptions = { samples: 3, sampleMilliseconds: 0, budgetMilliseconds: 500, preferGpuClock: false };

type Way = (x: Tensor) => Tensor;
const way = (name: string, value: Way): Candidate<Way> => ({ name, value });

const doubled = way("doubled", (x) => mul(x, 2));
/** So slow that what else the machine does cannot make it the faster one. */
const slow = way("slow", (x) => {
  let sum = x;
  for (let i = 0; i < 300; i++) sum = add(mul(sum, 1), 0);
  return add(sum, sum);
});
/** Within the tolerance of the reference, and other bits. */
const rounded = way("rounded", (x) => mul(x, 2 + 2 ** -21));
const broken = way("broken", (x) => mul(x, 2.001));
const partial = way("partial", (x) => mul(x.view([8], [1]), 2));
const wrongInHalves = way("wrong in halves", (x) => mul(x, x.dtype === "f16" ? 2.5 : 2));
/** Right where four divide the lengths. */
const wrongAtEdges = way("wrong at edges", (x) => mul(x, x.shape[1] % 4 === 0 ? 2 : 2.5));
const throwing = way("throwing", () => {
  throw new Error("no such kernel");
});
const lacking: Candidate<Way> = { ...way("lacking", (x) => x), needs: "a feature", isAvailable: () => false };

let families = 0;

/** Tunes a family of ways to double numbers, of which the first is in use; odd lengths are checked and not timed. */
async function tuneDoubling(candidates: readonly Candidate<Way>[], inHalves = false): Promise<FamilyResult> {
  const family = new KernelFamily<Way>({
    name: `doubling-${++families}`,
    candidates,
    preference: () => [candidates[0].name],
  });
  const probeOf = (x: ReturnType<typeof floats>): OpRow => ({
    id: "double/forward",
    title: `${x.shape.join(" × ")} numbers${x.dtype === "f16" ? ", in halves" : ""}`,
    problem: () => {
      const expected = (position: number) => ({ value: 2 * x.values[position], scale: 2 });
      const results = [{ name: "y", shape: x.shape, expected, tolerance: 1e-6 }];
      return { inputs: [x], results, operations: 0, bytes: 0 };
    },
    candidate: {
      name: "double",
      adds: "",
      prepare: (operands: Record<string, Tensor>) => () => [family.choose(gpu()).value(operands.x)],
    },
  });
  const probes = [floats("x", [32, 32], 1), ...(inHalves ? [halves("x", [32, 32], 1)] : [])].map(probeOf);
  const proofs = [probeOf(floats("x", [5, 7], 1))];
  const results: FamilyResult[] = [];
  for await (const result of tune(gpu(), [{ family, proofs, probes }], quick)) results.push(result);
  expect(results[0].probes.map(({ title }) => title)).toEqual(probes.map(({ title }) => `${title}, forward`));
  expect(gpu().variants).toEqual({});
  return results[0];
}

const statuses = ({ candidates }: FamilyResult) =>
  Object.fromEntries(candidates.map(({ name, status }) => [name, status]));

describe("tuning", () => {
  it("refuses what is wrong, what throws and what the device lacks, each with its reason, and times the rest", async () => {
    const before = gpu().statistics.liveBuffers;
    const result = await tuneDoubling([doubled, broken, partial, wrongAtEdges, throwing, lacking, slow]);
    expect(statuses(result)).toEqual({
      ...{ doubled: "right", broken: "wrong", partial: "wrong", throwing: "failed", lacking: "unavailable" },
      ...{ slow: "right", "wrong at edges": "wrong" },
    });
    const reasons = Object.fromEntries(result.candidates.map(({ name, reason }) => [name, reason]));
    expect(reasons.broken).toMatch(
      /^5 × 7 numbers, forward: y\[\d+, \d+\] is .*, expected .*compared elements are wrong$/,
    );
    expect(reasons.partial).toMatch(/^5 × 7 numbers, forward: y has shape \[8\], expected \[5, 7\]$/);
    expect(reasons["wrong at edges"]).toMatch(/^5 × 7 numbers, forward: y\[0, 0\] is /);
    expect(reasons.throwing).toBe("5 × 7 numbers, forward: no such kernel");
    expect(reasons.lacking).toBe("needs a feature");
    expect(reasons.doubled).toBeUndefined();
    expect(Object.keys(result.probes[0].median)).toEqual(["doubled", "slow"]);
    expect(result).toMatchObject({ inUse: "doubled", best: "doubled", gain: 1 });
    expect(betterVariants([result])).toEqual({});
    expect(gpu().statistics.liveBuffers).toBe(before);
  });

  it("finds the faster one, and says by how much", async () => {
    const result = await tuneDoubling([slow, doubled]);
    expect(result).toMatchObject({ inUse: "slow", best: "doubled" });
    expect(result.gain).toBeGreaterThan(1.05);
    expect(result.candidates[1].speed).toBeGreaterThanOrEqual(result.gain);
    expect(betterVariants([result])).toEqual({ [result.family]: "doubled" });
  });

  it("holds candidates to the bits of the one in use, where each operation is rounded by itself", async () => {
    const isSoftware = gpu().adapter.isSoftware;
    const result = await tuneDoubling([slow, rounded]);
    expect(statuses(result)).toEqual({ slow: "right", rounded: isSoftware ? "wrong" : "right" });
    if (isSoftware) expect(result.candidates[1].reason).toMatch(/\d+ numbers are not those of the candidate in use$/);
    const grouped = await tuneDoubling([slow, { ...rounded, sums: "otherwise" }]);
    expect(statuses(grouped)).toEqual({ slow: "right", rounded: "right" });
    expect(grouped.candidates.map(({ hasSameBits }) => hasSameBits)).toEqual([true, false]);
  });

  it("replaces a candidate in use that is wrong on the adapter", async () => {
    const result = await tuneDoubling([broken, slow]);
    expect(result).toMatchObject({ inUse: "broken", best: "slow", gain: 1 });
    expect(betterVariants([result])).toEqual({ [result.family]: "slow" });
    expect(await tuneDoubling([broken, throwing])).toMatchObject({ inUse: "broken", best: "broken", gain: 1 });
  });

  it("stops when it is told to, and leaves the table as it was", async () => {
    const signal = AbortSignal.abort();
    const subjects = tuneSubjects(true, false).slice(0, 1);
    await expect(tune(gpu(), subjects, { ...quick, signal }).next()).rejects.toThrow("aborted");
    expect(gpu().variants).toEqual({});
  });

  it("has computations for every family of the engine, on software adapters and on GPUs", () => {
    for (const isSoftware of [true, false]) {
      const subjects = tuneSubjects(isSoftware, true);
      expect(subjects.map(({ family }) => family.name)).toEqual(
        definedFamilies().flatMap(({ name }) => (name.startsWith("doubling") ? [] : [name])),
      );
      for (const { family, proofs = [], probes } of subjects) {
        for (const some of [proofs, probes]) {
          expect(some.length, family.name).toBeGreaterThan(0);
          expect(new Set(some.map(({ id, title }) => `${id} ${title}`)).size, family.name).toBe(some.length);
        }
      }
    }
  });

  it("checks on lengths that no tile divides what the kernels in use get right", async () => {
    for (const { proofs = [] } of tuneSubjects(true, false)) {
      for (const proof of proofs) {
        const { status, reason } = await runOpRow(gpu(), proof, { gigaflops: 1, gigabytes: 1 }, quick);
        expect(`${proof.title} ${status} ${reason ?? ""}`).toBe(`${proof.title} right `);
      }
    }
  });

  it("has computations in halves where the adapter has them, for families whose kernels read them", () => {
    const inHalves = (hasHalves: boolean): string[] =>
      tuneSubjects(true, hasHalves).flatMap(({ family, probes }) => {
        const own = probes.filter(({ title }) => title.includes("in halves"));
        for (const { problem } of own)
          expect(problem().inputs.slice(0, 2)).toMatchObject([{ dtype: "f16" }, { dtype: "f16" }]);
        return own.length > 0 ? [family.name] : [];
      });
    expect(inHalves(true)).toEqual(["elementwise", "matmul", "reduction"]);
    expect(inHalves(false)).toEqual([]);
  });
});

describe("tuning with what is stored in half precision", () => {
  it("refuses a candidate that is right in single precision alone, and all where there are no halves", async () => {
    const hasHalves = gpu().features.has("shader-f16");
    const result = await tuneDoubling([slow, wrongInHalves], true);
    const expected = hasHalves ? ["right", "wrong"] : ["failed", "failed"];
    expect(result.candidates.map(({ status }) => status)).toEqual(expected);
    const fault = hasHalves ? /^32 × 32 numbers, in halves, forward: y\[\d+, \d+\] is / : /lacks shader-f16/;
    expect(result.candidates[1].reason).toMatch(fault);
    expect(result.best).toBe("slow");
  });

  it("finds the engine's products right", async () => {
    const family = definedFamilies().find(({ name }) => name === "matmul")!;
    const lengths = { M: 33, K: 24, N: 40, stored: "f16" } as const;
    const probes = product("half", "33 × 24 × 40", lengths, false);
    const { value } = await tune(gpu(), [{ family, probes }], quick).next();
    const { candidates } = value as FamilyResult;
    const available = candidates.filter(({ status }) => status !== "unavailable");
    expect(available.map(({ name, reason }) => [name, reason])).toEqual(available.map(({ name }) => [name, undefined]));
    expect(available.length).toBeGreaterThan(3);
  });
});
