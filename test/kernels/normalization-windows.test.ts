import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  averagePool2d,
  backward,
  batchNorm,
  groupNorm,
  interpolate,
  layerNorm,
  maxPool2d,
  rmsNorm,
} from "../../src/autograd/index.ts";
import { type Gpu, MemoryLimitError } from "../../src/gpu/index.ts";
import { full } from "../../src/kernels/create.ts";
import { type HostArray, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { largest } from "../support/compare.ts";
import { openWith } from "../support/gpu.ts";
import { seeded } from "../support/values.ts";

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

/** Value and gradients of an op of x and vectors, on one of the devices, and how many dispatches they took. */
async function runOn(
  gpu: Gpu,
  shape: readonly number[],
  vectors: readonly number[],
  op: (x: Tensor, vectors: readonly Tensor[]) => Tensor,
): Promise<{ results: HostArray[]; dispatches: number }> {
  gpu.use();
  const before = gpu.statistics;
  const random = seeded(5);
  const make = (lengths: readonly number[]): Tensor => {
    const length = lengths.reduce((product, n) => product * n, 1);
    return tensor(
      Float32Array.from({ length }, () => 2 * random() - 1),
      lengths,
      { gpu },
    );
  };
  const made = tidy(() => {
    const leaves = [make(shape), ...vectors.map((length) => make([length]))];
    for (const leaf of leaves) leaf.requiresGrad = true;
    const y = op(leaves[0], leaves.slice(1));
    const gradients = backward(y, { gradient: make(y.shape) });
    return [y, ...leaves.map((leaf) => gradients.get(leaf)!)];
  });
  const results = await Promise.all(made.map((x) => x.data()));
  for (const x of made) x.dispose();
  expect(gpu.statistics.liveBuffers).toBe(before.liveBuffers);
  return { results, dispatches: gpu.statistics.dispatches - before.dispatches };
}

type Case = Parameters<typeof runOn> extends [Gpu, ...infer Rest] ? Rest : never;

async function compare(tolerance: number, ...test: Case): Promise<void> {
  const [expected, actual] = [await runOn(whole, ...test), await runOn(split, ...test)];
  expect(actual.dispatches, "dispatches when split").toBeGreaterThan(expected.dispatches);
  expected.results.forEach((values, i) => {
    if (tolerance === 0) {
      expect(actual.results[i]).toEqual(values);
      return;
    }
    const allowed = tolerance * largest(Float64Array.from(values));
    expect(
      values.some((value, k) => Math.abs(value - actual.results[i][k]) > allowed),
      `result ${i}`,
    ).toBe(false);
  });
}

describe("normalisation and pooling over the binding limit", () => {
  it("pool and interpolate planes in windows, with the same bits", async () => {
    await compare(0, [5, 9, 30, 31], [], (x) => maxPool2d(x, 3, { stride: 2, padding: 1 }));
    await compare(0, [45, 30, 31], [], (x) => averagePool2d(x, 3, { stride: 1, padding: 1 }));
    await compare(0, [5, 9, 10, 9], [], (x) => interpolate(x, { scaleFactor: [3, 2], mode: "bilinear" }));
  });

  it("normalise rows in windows, with the same bits", async () => {
    await compare(0, [700, 57], [57, 57], (x, [weight, bias]) => layerNorm(x, weight, bias));
    await compare(0, [20, 35, 57], [57], (x, [weight]) => rmsNorm(x, weight));
  });

  it("normalise groups of channels in windows, with the same bits", async () => {
    await compare(0, [16, 6, 420], [6, 6], (x, [weight, bias]) => groupNorm(x, 3, weight, bias));
  });

  it("normalise batches in windows of examples, whose sums are grouped by window", async () => {
    const op = (x: Tensor, [weight, bias]: readonly Tensor[]): Tensor => batchNorm(x, { weight, bias, training: true });
    await compare(2e-6, [16, 6, 420], [6, 6], op);
    await compare(2e-6, [9000, 5], [5, 5], op);
  });

  it("are refused by name where a plane, a row or an example alone does not fit", async () => {
    tidy(() => {
      const x = full([2, 1, 130, 130], 1, { gpu: split });
      for (const [name, op] of [
        ["maxPool", () => maxPool2d(x, 2)],
        ["batchNorm", () => batchNorm(x, { training: true })],
        ["rmsNorm", () => rmsNorm(x, null, { normalizedShape: [130, 130] })],
        ["groupNorm", () => groupNorm(x, 1)],
      ] as const) {
        const before = split.statistics.dispatches;
        expect(op, name).toThrow(MemoryLimitError);
        expect(op).toThrow(new RegExp(`^${name}: .* does not fit into one binding of 65536 bytes`));
        expect(split.statistics.dispatches).toBe(before);
      }
    });
    await split.finish();
  });
});
