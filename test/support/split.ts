import { afterAll, beforeAll, expect, inject } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import { type HostArray, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { openWith, withLimits } from "./gpu.ts";
import { seeded } from "./values.ts";

/** What may be bound at a time, so that tensors of 100 KB are split as those over 128 MiB are in earnest. */
const LIMIT = 64 * 1024;

/** A tensor of random numbers on the handle in use. */
export type Make = (shape: number[], options?: { seed?: number; low?: number; high?: number }) => Tensor;

type Work = (make: Make, gpu: Gpu) => Tensor[];

interface Outcome {
  results: HostArray[];
  dispatches: number;
}

/** Two handles, of which one binds little at a time, and what must hold of work that is done on both. */
export function useSplit(): {
  split: () => Gpu;
  /** The same bits, with more dispatches. */
  expectSameBits: (work: Work) => Promise<void>;
  /** Equal within a tolerance, relative to the largest value. */
  expectClose: (work: Work, tolerance: number) => Promise<void>;
} {
  let whole: Gpu;
  let split: Gpu;
  beforeAll(async () => {
    const { smaller: _, ...setting } = inject("device") ?? {};
    whole = await openWith(setting);
    split = await openWith(setting, withLimits({ maxStorageBufferBindingSize: LIMIT }));
  });
  afterAll(() => {
    whole.close();
    split.close();
  });

  const compare = async (work: Work): Promise<[Outcome, Outcome]> => {
    const [first, second] = [await runOn(whole, work), await runOn(split, work)];
    expect(second.dispatches, "dispatches when split").toBeGreaterThan(first.dispatches);
    return [first, second];
  };
  return {
    split: () => split,
    async expectSameBits(work) {
      const [expected, actual] = await compare(work);
      expected.results.forEach((result, i) => {
        expect(differences(actual.results[i], result), `differences in result ${i}`).toBe(0);
        expect(result.some((value) => value !== 0)).toBe(true);
      });
    },
    async expectClose(work, tolerance) {
      const [first, second] = await compare(work);
      first.results.forEach((expected, i) => {
        let [scale, worst] = [0, 0];
        for (let k = 0; k < expected.length; k++) {
          scale = Math.max(scale, Math.abs(expected[k]));
          worst = Math.max(worst, Math.abs(second.results[i][k] - expected[k]));
        }
        expect(worst / scale).toBeLessThan(tolerance);
      });
    },
  };
}

/** How many elements differ in any bit; a loop, because comparing large arrays through `expect` takes long. */
export function differences(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let count = Math.abs(actual.length - expected.length);
  for (let i = 0; i < expected.length; i++) if (!Object.is(actual[i], expected[i])) count++;
  return count;
}

async function runOn(gpu: Gpu, work: Work): Promise<Outcome> {
  const before = gpu.statistics;
  const make: Make = (shape, { seed = 1, low = -1, high = 1 } = {}) => {
    const random = seeded(seed);
    const length = shape.reduce((product, n) => product * n, 1);
    return tensor(
      Float32Array.from({ length }, () => low + (high - low) * random()),
      shape,
      { gpu },
    );
  };
  const tensors = tidy(() => work(make, gpu));
  const results = await Promise.all(tensors.map((x) => x.data()));
  for (const x of tensors) x.dispose();
  expect(gpu.statistics.liveBuffers - before.liveBuffers).toBe(0);
  return { results, dispatches: gpu.statistics.dispatches - before.dispatches };
}
