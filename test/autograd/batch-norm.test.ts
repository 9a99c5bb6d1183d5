import { describe, expect, it } from "vitest";
import { backward, batchNorm } from "../../src/autograd/index.ts";
import { sliceView, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { batchNorm as reference } from "../reference/channel-norm.ts";
import { asHardware, useGpu } from "../support/gpu.ts";
import { seeded } from "../support/values.ts";

const values = (length: number, seed: number, center = 0, spread = 1): Float32Array => {
  const random = seeded(seed);
  return Float32Array.from({ length }, () => center + spread * (2 * random() - 1));
};

/** Mean and variance over n - 1 of each channel of [outer, channels, inner], in double precision. */
function statisticsOf(x: Float32Array, [outer, channels, inner]: number[]): { mean: number[]; unbiased: number[] } {
  const count = outer * inner;
  const of = (channel: number): number[] =>
    Array.from({ length: count }, (_, i) => x[(Math.floor(i / inner) * channels + channel) * inner + (i % inner)]);
  const mean = Array.from({ length: channels }, (_, c) => of(c).reduce((sum, value) => sum + value, 0) / count);
  const unbiased = mean.map((m, c) => of(c).reduce((sum, value) => sum + (value - m) ** 2, 0) / (count - 1));
  return { mean, unbiased };
}

function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs(actual[i] - expected[i])).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(expected[i])));
  }
}

describe.each([
  { title: "the adapter's kernels", make: undefined },
  { title: "the kernels for GPUs", make: asHardware },
])("batchNorm in training with $title", ({ make }) => {
  const gpu = useGpu({}, make);

  // Several chunks a channel that end within a plane; one line a channel; one chunk.
  it.each([
    [7, 3, 1000],
    [5000, 5, 1],
    [3, 65, 9],
  ])("moves the running statistics in place: [%i, %i, %i]", async (...shape) => {
    const before = gpu().statistics.liveBuffers;
    const data = values(shape[0] * shape[1] * shape[2], 1, 2, 3);
    const { mean, unbiased } = statisticsOf(data, shape);
    const [startMean, startVariance] = [values(shape[1], 2), values(shape[1], 3, 2, 1)];
    const runningMean = tensor(startMean, [shape[1]]);
    const runningVariance = tensor(startVariance, [shape[1]]);
    const x = tensor(data, shape);
    const options = { training: true, momentum: 0.25 };
    const y = batchNorm(x, { ...options, runningMean, runningVariance });
    const expected = (of: number[], start: Float32Array) => of.map((value, c) => 0.75 * start[c] + 0.25 * value);
    expectNear(await runningMean.data(), expected(mean, startMean), 6e-7);
    expectNear(await runningVariance.data(), expected(unbiased, startVariance), 6e-7);
    // The same output without running statistics.
    const alone = batchNorm(x, options);
    expect(await alone.data()).toEqual(await y.data());
    const wanted = reference([{ shape, data: Float64Array.from(data) }], { weight: false, bias: false, epsilon: 1e-5 });
    const [got, scale] = [await y.data(), 3];
    for (let i = 0; i < got.length; i++) expect(Math.abs(got[i] - wanted.data[i])).toBeLessThan(scale * 2e-6);
    for (const t of [runningMean, runningVariance, x, y, alone]) t.dispose();
    expect(gpu().statistics.liveBuffers).toBe(before);
  });

  it("does not cancel where the mean is far larger than the deviation", async () => {
    const shape = [4, 2, 1500];
    const data = values(12_000, 4, 1000, 0.01);
    const y = tidy(() => batchNorm(tensor(data, shape), { training: true, epsilon: 1e-12 }));
    const wanted = reference([{ shape, data: Float64Array.from(data) }], {
      weight: false,
      bias: false,
      epsilon: 1e-12,
    });
    const got = await y.data();
    // The mean has 24 bits: half its last place is 3e-5, a part in 200 of the deviation.
    let squares = 0;
    for (let i = 0; i < got.length; i++) squares += got[i] ** 2 / got.length;
    expect(squares).toBeCloseTo(1, 3);
    for (let i = 0; i < got.length; i++) expect(Math.abs(got[i] - wanted.data[i])).toBeLessThan(6e-3);
    y.dispose();
  });

  it("writes running statistics that share a storage or lie in strided views", async () => {
    const table = tensor([0, 1, 0, 1, 0, 1], [3, 2]);
    const column = (index: number): Tensor => {
      const part = sliceView(table, 1, index, index + 1);
      return part.view([3], [2], part.offset);
    };
    tidy(() => {
      const x = tensor(
        Float32Array.from({ length: 12 }, (_, i) => i),
        [4, 3],
      );
      batchNorm(x, { training: true, runningMean: column(0), runningVariance: column(1), momentum: 0.5 });
    });
    // Means 4.5, 5.5, 6.5; unbiased variance 15.
    expect([...(await table.data())]).toEqual([2.25, 8, 2.75, 8, 3.25, 8]);
    table.dispose();
  });
});

describe("batchNorm", () => {
  const gpu = useGpu();

  it("takes few dispatches", () => {
    tidy(() => {
      const [x, weight, bias] = [
        tensor(values(1200, 1), [2, 6, 100]),
        tensor(values(6, 2), [6]),
        tensor(values(6, 3), [6]),
      ];
      const [runningMean, runningVariance] = [tensor(values(6, 2), [6]), tensor(values(6, 3, 2), [6])];
      for (const leaf of [x, weight, bias]) leaf.requiresGrad = true;
      const counted = <T>(work: () => T): [T, number] => {
        const before = gpu().statistics.dispatches;
        const result = work();
        return [result, gpu().statistics.dispatches - before];
      };
      const [y, forward] = counted(() => batchNorm(x, { weight, bias, runningMean, runningVariance, training: true }));
      expect(forward).toBe(3); // moments, merge with the running statistics, normalise
      const gradient = tensor(values(1200, 4), [2, 6, 100]);
      expect(counted(() => backward(y, { gradient }))[1]).toBe(2);
      const [z, evaluation] = counted(() => batchNorm(x, { weight, bias, runningMean, runningVariance }));
      expect(evaluation).toBe(1);
      expect(counted(() => backward(z, { gradient }))[1]).toBe(2);
    });
  });

  it("leaves the running statistics alone for an empty batch", async () => {
    const [runningMean, runningVariance] = [tensor([1, 2], [2]), tensor([3, 4], [2])];
    const x = tensor([], [0, 2, 3]);
    const y = batchNorm(x, { runningMean, runningVariance, training: true });
    expect(y.shape).toEqual([0, 2, 3]);
    expect([...(await runningMean.data()), ...(await runningVariance.data())]).toEqual([1, 2, 3, 4]);
    for (const t of [x, y, runningMean, runningVariance]) t.dispose();
  });

  it("refuses what does not fit, by name and before anything runs", () => {
    tidy(() => {
      const x = tensor(values(24, 1), [2, 3, 4]);
      const [two, three] = [tensor([1, 2], [2]), tensor([1, 2, 3], [3])];
      const before = gpu().statistics.dispatches;
      expect(() => batchNorm(x, { weight: two, training: true })).toThrow(
        "batchNorm: input [2, 3, 4] needs a weight of shape [3], got [2]",
      );
      expect(() => batchNorm(x, { runningMean: two, runningVariance: three, training: true })).toThrow(
        /running mean of shape \[3\]/,
      );
      expect(() => batchNorm(x, { runningMean: three, training: true })).toThrow(/go together/);
      expect(() => batchNorm(x)).toThrow(/batchNorm: .* needed outside of training/);
      expect(() => batchNorm(tensor([1, 2, 3], [1, 3]), { training: true })).toThrow(/more than one value per channel/);
      expect(() => batchNorm(two, { training: true })).toThrow(/expected \[N, C, …\], got \[2\]/);
      expect(gpu().statistics.dispatches).toBe(before);
    });
  });
});
