import { describe, expect, it } from "vitest";
import { backward, embedding, type Gradients, linearCrossEntropy, mul } from "../../src/autograd/index.ts";
import type { Reduction } from "../../src/autograd/ops/losses/reduction.ts";
import { type HostArray, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";
import { differences } from "../support/split.ts";
import { seeded } from "../support/values.ts";

const gpu = useGpu();

function draw(shape: number[], seed: number): Tensor {
  const random = seeded(seed);
  const length = shape.reduce((product, n) => product * n, 1);
  return tensor(
    Float32Array.from({ length }, () => 2 * random() - 1),
    shape,
  );
}

const leaf = (shape: number[], seed: number): Tensor => Object.assign(draw(shape, seed), { requiresGrad: true });
const labelsOf = (rows: number, classes: number): Int32Array =>
  Int32Array.from({ length: rows }, (_, i) => (i % 5 === 3 ? -100 : (i * 7919) % classes));

interface Case {
  rows: number;
  classes: number;
  width: number;
}

/** Loss and gradients of made-up inputs, and what it cost. */
async function run(
  { rows, classes, width }: Case,
  reduction: Reduction,
  use: (loss: Tensor) => Gradients,
  labels = labelsOf(rows, classes),
) {
  const [x, weight] = [leaf([rows, width], 1), leaf([classes, width], 2)];
  const ids = tensor(labels);
  const { liveBytes, dispatches } = gpu().statistics;
  gpu().resetPeak();
  const { loss, gradients } = tidy(() => {
    const loss = linearCrossEntropy(x, weight, ids, { reduction });
    return { loss, gradients: use(loss) };
  });
  const after = gpu().statistics;
  const cost = { bytes: after.peakBytes - liveBytes, dispatches: after.dispatches - dispatches };
  const results: HostArray[] = await Promise.all(
    [loss, gradients.get(x)!, gradients.get(weight)!].map((held) => held.data()),
  );
  for (const held of [x, weight, ids, loss, gradients]) held.dispose();
  expect(gpu().statistics.liveBuffers).toBe(0);
  return { results, cost };
}

const expectSameBits = (actual: readonly HostArray[], expected: readonly HostArray[]): void =>
  expect(actual.map((values, i) => differences(values, expected[i]))).toEqual(actual.map(() => 0));

const SMALL = { rows: 37, classes: 5003, width: 12 };

describe("the loss of a linear head", () => {
  it("never holds all logits, makes each product once, and few dispatches", async () => {
    // 256 rows of 50,257 logits are 51 MB; two chunks of 128 rows pass.
    const { cost } = await run({ rows: 256, classes: 50_257, width: 4 }, "mean", backward);
    expect(cost.bytes).toBeLessThan(30e6);
    // Weights of the labels and their sum; for each chunk logits, pieces, losses, slopes, two products in stretches
    // and their sum, and the weight's gradient; the sum of the losses and the quotient; 1 that arrives, and two factors.
    expect(cost.dispatches).toBe(2 + 2 * 8 + 2 + 3);
  });

  it("gives a row's loss the same bits whatever rows stand beside it", async () => {
    const [x, weight] = [draw([256, 4], 1), draw([50_257, 4], 2)];
    const losses = (rows: number): Tensor =>
      tidy(() =>
        linearCrossEntropy(x.view([rows, 4], [4, 1]), weight, tensor(labelsOf(rows, 50_257)), { reduction: "none" }),
      );
    const [all, few] = [losses(256), losses(5)];
    expect(differences((await all.data()).slice(0, 5), await few.data())).toBe(0);
    for (const held of [x, weight, all, few]) held.dispose();
  });

  it("makes the same gradients in the forward pass as from losses of single rows in the backward pass", async () => {
    const ones = (loss: Tensor): Gradients =>
      backward(loss, { gradient: tensor(new Float32Array(SMALL.rows).fill(1), [SMALL.rows]) });
    const single = await run(SMALL, "none", ones);
    const summed = await run(SMALL, "sum", backward);
    expectSameBits(summed.results.slice(1), single.results.slice(1));
  });

  it("multiplies them by what arrives", async () => {
    const plain = await run(SMALL, "mean", backward);
    const scaled = await run(SMALL, "mean", (loss) => backward(mul(loss, -0.5)));
    const expected = plain.results.slice(1).map((values) => (values as Float32Array).map((value) => value * -0.5));
    expectSameBits(scaled.results.slice(1), expected);
  });

  it("keeps them for a second pass when asked to", async () => {
    const once = await run(SMALL, "mean", (loss) => backward(mul(loss, 3)));
    const twice = await run(SMALL, "mean", (loss) => {
      const tripled = mul(loss, 3);
      backward(tripled, { retainGraph: true });
      return backward(tripled);
    });
    expectSameBits(twice.results, once.results);
  });

  it("is NaN of labels that are no class, and of none that count; these have gradients of 0", async () => {
    const wrong = await run({ rows: 3, classes: 7, width: 4 }, "mean", backward, Int32Array.of(1, 7, 2));
    expect(wrong.results[0][0]).toBeNaN();
    const none = await run({ rows: 3, classes: 7, width: 4 }, "mean", backward, Int32Array.of(-100, -100, -100));
    expect(none.results[0][0]).toBeNaN();
    expect(none.results.slice(1).every((values) => (values as Float32Array).every((value) => value === 0))).toBe(true);
  });

  it("leaves a shared table's gradient where it is: the rows looked up are added to it", async () => {
    const ids = Int32Array.of(4, 9, 4, 4, 0);
    const [classes, width] = [6000, 80];
    const measure = (isShared: boolean) => {
      const table = leaf([classes, width], 3);
      const other = isShared ? table : leaf([classes, width], 3);
      const { liveBytes } = gpu().statistics;
      gpu().resetPeak();
      const gradients = tidy(() =>
        backward(linearCrossEntropy(embedding(table, tensor(ids)), other, tensor(Int32Array.of(1, 4, -100, 2, 5)))),
      );
      return { table, other, gradients, bytes: gpu().statistics.peakBytes - liveBytes };
    };
    const shared = measure(true);
    const apart = measure(false);
    const [ofBoth, ofTable, ofHead] = (await Promise.all([
      shared.gradients.get(shared.table)!.data(),
      apart.gradients.get(apart.table)!.data(),
      apart.gradients.get(apart.other)!.data(),
    ])) as Float32Array[];
    ofBoth.forEach((value, i) => {
      if (Math.abs(value - (ofTable[i] + ofHead[i])) > 1e-6) expect(value, `[${i}]`).toBe(ofTable[i] + ofHead[i]);
    });
    const tableBytes = 4 * classes * width;
    expect(shared.bytes).toBeLessThan(1.5 * tableBytes);
    expect(apart.bytes).toBeGreaterThan(2 * tableBytes);
    for (const { table, other, gradients } of [shared, apart])
      for (const held of [table, other, gradients]) held.dispose();
    expect(gpu().statistics.liveBuffers).toBe(0);
  });
});
