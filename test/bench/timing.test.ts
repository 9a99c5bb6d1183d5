import { describe, expect, it } from "vitest";
import { add } from "../../src/autograd/index.ts";
import { findFault, indexOf, samplePositions } from "../../src/bench/check.ts";
import { digits, formatMilliseconds, formatQuartiles } from "../../src/bench/format.ts";
import type { Problem } from "../../src/bench/problem.ts";
import { summarize, type TimingOptions, timeAlternating, timingOf } from "../../src/bench/timing.ts";
import { randomIndices, randomValues } from "../../src/bench/values.ts";
import type { Gpu } from "../../src/gpu/index.ts";
import { tensor } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const quick: TimingOptions = { samples: 3, sampleMilliseconds: 0, budgetMilliseconds: 1e6, preferGpuClock: true };

describe("times", () => {
  it("are taken in turn, and everything made in a run is freed", async () => {
    using x = tensor(new Float32Array(64).fill(1), [64]);
    const order: string[] = [];
    const work = (name: string) => () => {
      order.push(name);
      return [add(x, x)];
    };
    const before = gpu().statistics.liveBuffers;
    const timings = await timeAlternating(gpu(), [work("a"), work("b")], quick);
    // Each once to see how often it must run to fill a sample.
    expect(order.join("")).toBe("ababababab".slice(0, 8));
    expect(gpu().statistics.liveBuffers).toBe(before);
    for (const { median, lower, upper, least, samples, runs, clock, wall, gpu: own } of timings) {
      expect([samples, runs]).toEqual([3, 1]);
      expect(least).toBeGreaterThan(0);
      expect(least <= lower && lower <= median && median <= upper).toBe(true);
      expect(median).toBe(clock === "wall" ? wall : own);
      // A clock of coarse ticks may miss what is this short.
      if (!gpu().features.has("timestamp-query")) expect([clock, own]).toEqual(["wall", null]);
    }
  });

  it("of what is short are of many runs, and the wall's on demand", async () => {
    let runs = 0;
    // A device on which every run takes a millisecond.
    const time: Gpu["time"] = async (record) => {
      const before = runs;
      await record();
      return { wallMilliseconds: runs - before, gpuMilliseconds: 2 * (runs - before) };
    };
    const work = () => {
      runs++;
      return [];
    };
    const options = { ...quick, samples: 2, sampleMilliseconds: 20, preferGpuClock: false };
    const [timing] = await timeAlternating({ time } as Gpu, [work], options);
    expect(timing).toMatchObject({ runs: 24, samples: 2, median: 1, clock: "wall", wall: 1, gpu: 2 });
    // One, eight and then enough to see how long it takes; two samples of as many.
    expect(runs).toBe(1 + 8 + 24 + 2 * 24);
  });

  it("of what is long are three at most, the one that told so among them", async () => {
    using x = tensor(new Float32Array(64).fill(1), [64]);
    let runs = 0;
    const work = () => {
      runs++;
      return [add(x, x)];
    };
    const [{ samples }] = await timeAlternating(gpu(), [work], { ...quick, samples: 9, budgetMilliseconds: 0 });
    expect([samples, runs]).toEqual([3, 3]);
  });

  it("stop when they are told to", async () => {
    const signal = AbortSignal.abort();
    await expect(timeAlternating(gpu(), [() => []], { ...quick, signal })).rejects.toThrow(/abort/i);
  });

  it("are by the adapter's clock only where it told them all", () => {
    const [both, one] = [
      { wall: 4, gpu: 3 },
      { wall: 5, gpu: null },
    ];
    expect(timingOf([both, both], 1, true)).toMatchObject({ median: 3, clock: "gpu", wall: 4, gpu: 3 });
    expect(timingOf([both, both], 1, false)).toMatchObject({ median: 4, clock: "wall", wall: 4, gpu: 3 });
    expect(timingOf([both, one], 1, true)).toMatchObject({ median: 4.5, clock: "wall", wall: 4.5, gpu: null });
    expect(timingOf([{ wall: 4, gpu: 0 }], 1, true)).toMatchObject({ median: 4, clock: "wall", gpu: null });
  });

  it("have a median and quartiles between neighbours", () => {
    expect(summarize([4, 1, 3, 2])).toEqual({ median: 2.5, lower: 1.75, upper: 3.25, least: 1 });
    expect(summarize([7])).toEqual({ median: 7, lower: 7, upper: 7, least: 7 });
  });

  it("are shown with three digits in a unit that suits", () => {
    expect([0.0123, 0.5, 12.34, 1234, 12_345].map(formatMilliseconds)).toEqual([
      ...["12.3 µs", "0.500 ms", "12.3 ms", "1234 ms", "12.3 s"],
    ]);
    // As wide as a column of the terminal at most, whatever it is.
    expect([0.001, 0.000381, 1.62e-7, 0].map(digits)).toEqual(["0.00100", "3.8e-4", "1.6e-7", "0.00"]);
    expect(formatQuartiles({ median: 0.05, lower: 0.04, upper: 0.2 })).toBe("40.0–200");
  });
});

describe("what is compared", () => {
  it("is everything, or a fixed choice with both ends and a place in every stretch", () => {
    expect(samplePositions(5, 512)).toEqual([0, 1, 2, 3, 4]);
    const some = samplePositions(1_000_000, 500);
    expect(some.slice(0, 3)).toEqual([0, 1, 2]);
    expect(some.slice(-2)).toEqual([999_998, 999_999]);
    expect(samplePositions(1_000_000, 500)).toEqual(some);
    const stretches = new Set(some.map((position) => Math.floor(position / 2000)));
    expect(stretches.size).toBe(500);
    // Not always the same place of a stretch, which may be the same column of a matrix.
    expect(new Set(some.map((position) => position % 2000)).size).toBeGreaterThan(400);
  });

  it("is whole rows where their elements share their work", () => {
    const some = samplePositions(1003, 100, 10);
    const inner = some.filter((position) => position >= 20 && position < 980);
    const rows = new Set(inner.map((position) => Math.floor(position / 10)));
    expect(inner).toHaveLength(10 * rows.size);
    expect(rows.size).toBeGreaterThan(7);
    expect(some.at(-1)).toBe(1002);
  });

  /** A result of 1024 × 1024 zeros, which take so many operations. */
  const zeros = (operations: number): Problem => {
    const expected = () => ({ value: 0, scale: 1 });
    const results = [{ name: "y", shape: [1024, 1024], tolerance: 1e-6, expected }];
    return { inputs: [], results, operations, bytes: 0 };
  };

  it.each([
    [0, 0],
    [496, 1008],
    [1008, 512],
    [777, 333],
  ])("finds one tile of 16 × 16 that is wrong in a million, at %i, %i", async (row, column) => {
    // A product of as many rows and columns, so that 32,768 are compared.
    const problem = zeros(2 * 1024 ** 3);
    const values = new Float32Array(2 ** 20);
    using right = tensor(values, [1024, 1024], { gpu: gpu() });
    expect(await findFault(problem, [right])).toBeUndefined();
    for (let i = row; i < row + 16; i++) values.fill(1e-5, 1024 * i + column, 1024 * i + column + 16);
    using wrong = tensor(values, [1024, 1024], { gpu: gpu() });
    expect(await findFault(problem, [wrong])).toMatch(
      /^y\[\d+, \d+\] is .*; \d+ of 327\d\d compared elements are wrong$/,
    );
  });

  it("is computed once for all candidates of a problem, and the less of it the longer each takes", async () => {
    let asked = 0;
    const countsOf = async (operations: number): Promise<number[]> => {
      const problem = zeros(operations);
      const [result] = problem.results;
      const counted = { ...result, expected: () => ({ value: 0 * asked++, scale: 1 }) };
      using y = tensor(new Float32Array(2 ** 20), [1024, 1024], { gpu: gpu() });
      const counts: number[] = [];
      for (let time = 0; time < 2; time++) {
        asked = 0;
        await findFault({ ...problem, results: [counted] }, [y]);
        counts.push(asked);
      }
      return counts;
    };
    const [[few, again], [more], [most]] = [await countsOf(1e15), await countsOf(2 ** 32), await countsOf(0)];
    expect(again).toBe(0);
    expect([few, more, most].map((count) => 512 * Math.floor(count / 512))).toEqual([512, 16_384, 65_536]);
  });

  it("is named by its index", () => {
    expect(indexOf(7, [4, 5])).toEqual([1, 2]);
    expect(indexOf(119, [2, 3, 4, 5])).toEqual([1, 2, 3, 4]);
  });

  it("is computed from values that are the same everywhere", () => {
    expect([...randomValues(3, 1)].map((value) => value.toFixed(6))).toEqual(["-0.999874", "-0.968505", "0.232808"]);
    expect(Math.max(...randomValues(1000, 5, 4).map(Math.abs))).toBeLessThan(4);
    const indices = randomIndices(1000, 7, 3);
    expect(new Set(indices)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
  });
});
