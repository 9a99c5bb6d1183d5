import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  any,
  argmax,
  argmin,
  argsort,
  backward,
  cumsum,
  logsumexp,
  max,
  mean,
  min,
  prod,
  reshape,
  std,
  sum,
  topK,
  variance,
} from "../../../src/autograd/index.ts";
import { type Gpu, MemoryLimitError } from "../../../src/gpu/index.ts";
import { full, uniform } from "../../../src/kernels/create.ts";
import { type HostArray, type Tensor, tensor, tidy, transposeView } from "../../../src/tensor/index.ts";
import { largest } from "../../support/compare.ts";
import { openWith } from "../../support/gpu.ts";
import { seeded } from "../../support/values.ts";

/** What may be bound at a time, so that tensors of 160 KB are split as those over 128 MiB are in earnest. */
const LIMIT = 64 * 1024;

let whole: Gpu;
let split: Gpu;
beforeAll(async () => {
  whole = await openWith({});
  split = await openWith({ smaller: { maxStorageBufferBindingSize: LIMIT } });
});
afterAll(() => {
  whole.close();
  split.close();
});

type Make = (shape: number[], low?: number, high?: number) => Tensor;

async function runOn(gpu: Gpu, work: (make: Make) => Tensor[]): Promise<{ results: HostArray[]; dispatches: number }> {
  gpu.use();
  const before = gpu.statistics;
  const make: Make = (shape, low = -1, high = 1) => {
    const random = seeded(5);
    const length = shape.reduce((product, n) => product * n, 1);
    return tensor(
      Float32Array.from({ length }, () => low + (high - low) * random()),
      shape,
      { gpu },
    );
  };
  const tensors = tidy(() => work(make));
  const results = await Promise.all(tensors.map((x) => x.data()));
  for (const x of tensors) x.dispose();
  expect(gpu.statistics.liveBuffers - before.liveBuffers).toBe(0);
  return { results, dispatches: gpu.statistics.dispatches - before.dispatches };
}

/** Runs the work with and without splitting; the largest difference over the largest value. */
async function difference(work: (make: Make) => Tensor[]): Promise<number> {
  const [expected, actual] = [await runOn(whole, work), await runOn(split, work)];
  expect(actual.dispatches, "dispatches when split").toBeGreaterThan(expected.dispatches);
  let worst = 0;
  expected.results.forEach((values, i) => {
    expect(actual.results[i].length).toBe(values.length);
    const scale = largest(values);
    expect(scale).toBeGreaterThan(0);
    for (let k = 0; k < values.length; k++) {
      worst = Math.max(worst, Math.abs(actual.results[i][k] - values[k]) / scale);
    }
  });
  return worst;
}

describe("reductions over the binding limit", () => {
  it("have the same bits where only kept axes are split", async () => {
    expect(
      await difference((make) => [sum(make([200, 201]), 1), mean(make([200, 201]), 1), std(make([200, 201]), 1)]),
    ).toBe(0);
    expect(
      await difference((make) => [sum(make([2, 30_001]), 0), logsumexp(transposeView(make([2, 30_001])), 1)]),
    ).toBe(0);
    expect(await difference((make) => [prod(make([40, 30, 30], 0.9, 1.1), [1, 2])])).toBe(0);
  });

  it("find the same extrema, and the first of equals, in any split", async () => {
    expect(
      await difference((make) => {
        const x = make([200, 201]);
        return [max(x), min(x, 0), argmax(x), argmin(transposeView(x)), argmax(x, 0), any(x, 0)];
      }),
    ).toBe(0);
    const ties = (make: Make) => {
      const x = make([50_001], 3, 3);
      return [sum(x), argmax(x), argmin(x)];
    };
    expect((await runOn(split, ties)).results.map((x) => x[0])).toEqual([150_003, 0, 0]);
  });

  it("agree to rounding where reduced axes are split", async () => {
    const work = (make: Make): Tensor[] => {
      const x = make([200, 201], 0, 1);
      return [sum(x), mean(x, 0), variance(x), variance(x, 0), logsumexp(x)];
    };
    expect(await difference(work)).toBeLessThan(2e-6);
    // Each of 50,000 products rounds: errors of 2^-24 add up like a random walk.
    expect(await difference((make) => [prod(make([50_001], 0.9999, 1.0001))])).toBeLessThan(5e-5);
  });

  it("have gradients", async () => {
    const work = (make: Make): Tensor[] => {
      const x = make([201, 200], 0.8, 1.2);
      x.requiresGrad = true;
      const y = [variance(x, 0), mean(x, 0), max(x, 0), prod(x, 0)].map((part) => sum(part));
      return y.map((part) => backward(part).get(x)!);
    };
    expect(await difference(work)).toBeLessThan(3e-6);
  });

  it("run along axes in parts that follow one another", async () => {
    expect(await difference((make) => [cumsum(make([200, 201]), 1)])).toBe(0);
    const work = (make: Make): Tensor[] => [
      cumsum(make([50_001], 0, 1), 0),
      cumsum(make([50_001], 0, 1), 0, { exclusive: true, reverse: true }),
      cumsum(make([300, 2, 70], 0, 1), 0, { reverse: true }),
      cumsum(make([3, 20_000], 0, 1), 0, { exclusive: true }),
    ];
    expect(await difference(work)).toBeLessThan(2e-6);
  });

  it("sort row by row, and refuse by name a row that is too long", async () => {
    expect(await difference((make) => [argsort(make([40, 1000])), argsort(make([1000, 40]), { axis: 0 })])).toBe(0);
    expect(await difference((make) => [topK(make([2000, 20]), 3).values])).toBe(0);
    tidy(() => {
      const x = full([12_000], 1, { gpu: split });
      expect(() => argsort(x)).toThrow(MemoryLimitError);
      expect(() => topK(x, 11_000)).toThrow(/^topK: 12000 elements along axis 0 of \[12000\] take \d+ bytes to sort/);
    });
    await split.finish();
  });
});

describe("more than 65,535 workgroups", () => {
  it("sort and add up", async () => {
    const length = 65_536 * 64 + 2; // an invocation for each
    const work = (): Tensor[] => {
      const x = uniform([length], { seed: 5, gpu: whole });
      return [x, cumsum(reshape(x, [length, 1]), 1), argsort(reshape(x, [length / 2, 2]))];
    };
    const [values, sums, order] = (await runOn(whole, work)).results;
    let different = 0;
    for (let i = 0; i < length; i += 2) {
      const first = values[i] <= values[i + 1] ? 0 : 1;
      if (order[i] !== first || order[i + 1] !== 1 - first) different++;
      if (sums[i] !== values[i] || sums[i + 1] !== values[i + 1]) different++;
    }
    expect(different).toBe(0);
    whole.trim();
  });
});
