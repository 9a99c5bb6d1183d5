import { describe, expect, it } from "vitest";
import { describeAdapter } from "../../../src/gpu/adapter/adapter.ts";
import { DryGpu } from "../../../src/gpu/dry-gpu.ts";
import { type MatmulOptions, matmulInto } from "../../../src/kernels/matmul/matmul.ts";
import { chooseChunkedWay, innerChunks, isSummedInChunks } from "../../../src/kernels/matmul/split.ts";
import { sliceView, type Tensor, tensor, tidy, transposeView } from "../../../src/tensor/index.ts";
import { asHardware, useGpu } from "../../support/gpu.ts";
import { differences, type Make, useSplit } from "../../support/split.ts";
import { seeded } from "../../support/values.ts";

const { fround } = Math;

describe("the chunks of a long sum", () => {
  it("depend on its length alone", () => {
    expect([0, 1, 8192, 8193].map(isSummedInChunks)).toEqual([false, false, false, true]);
    expect(innerChunks(8193)).toEqual([
      [0, 4096],
      [4096, 8192],
      [8192, 8193],
    ]);
    expect(innerChunks(12_288).map(([, end]) => end)).toEqual([4096, 8192, 12_288]);
  });

  it("are made side by side while they are small, and a factor keeps them from being made in turn", () => {
    const limit = 2 ** 27;
    expect(chooseChunkedWay(16_384, 1024 * 64, 1, limit)).toBe("passes");
    expect(chooseChunkedWay(16_384, 1024 * 1024, 1, limit)).toBe("passes");
    expect(chooseChunkedWay(16_384, 1024 * 1024 + 1, 1, limit)).toBe("in turn");
    expect(chooseChunkedWay(16_384, 1024 * 1024 + 1, 0.5, limit)).toBe("halves");
    expect(chooseChunkedWay(16_384, 1024, 1, 4096)).toBe("in turn");
    expect(chooseChunkedWay(16_384, 1, 0.5, 4)).toBe("passes");
  });
});

/** A product of batches [2, 1, 2] and [1, 3, 1], which do not merge, or of single matrices. */
interface LongProduct {
  k: number;
  isBatched: boolean;
  aTransposed: boolean;
  bTransposed: boolean;
  scale: number;
  /** Bias, what c holds, and a residual. */
  hasMore: boolean;
}

const [M, N] = [3, 18];

/** Random values of a shape whose last two axes may lie transposed; `at` reads them by matrix, row and column. */
function operand(seed: number, shape: number[], isTransposed = false) {
  const random = seeded(seed);
  const [rows, columns] = shape.slice(-2);
  const stored = isTransposed ? [...shape.slice(0, -2), columns, rows] : shape;
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random() - 1);
  const base = tensor(values, stored);
  const view = isTransposed ? transposeView(base) : base;
  if (view !== base) base.dispose();
  const at = (matrix: number, row: number, column: number): number =>
    values[matrix * rows * columns + (isTransposed ? column * rows + row : row * columns + column)];
  return { view, at };
}

/** The largest difference of a product on the GPU from the loop in chunks, one rounding after every operation. */
async function errorOf({ k, isBatched, aTransposed, bTransposed, scale, hasMore }: LongProduct): Promise<number> {
  const [aBatch, bBatch, batch] = isBatched
    ? [
        [2, 1, 2],
        [1, 3, 1],
        [2, 3, 2],
      ]
    : [[], [], []];
  const a = operand(1, [...aBatch, M, k], aTransposed);
  const b = operand(2, [...bBatch, k, N], bTransposed);
  const start = operand(3, [...batch, M, N]);
  const [bias, residual] = [operand(4, [1, N]), operand(5, [...batch, M, N])];
  const row = bias.view.view([N], [1]);
  const more = hasMore ? { bias: row, accumulate: true, residual: residual.view } : {};
  matmulInto("matmul", a.view, b.view, start.view, { scale, ...more });
  const actual = (await start.view.data()) as Float32Array;
  let worst = 0;
  for (let i = 0; i < actual.length; i++) {
    const [matrix, m, n] = [Math.floor(i / M / N), Math.floor(i / N) % M, i % N];
    const [left, right] = isBatched ? [Math.floor(matrix / 6) * 2 + (matrix % 2), Math.floor(matrix / 2) % 3] : [0, 0];
    let value = 0;
    for (const [begin, end] of innerChunks(k)) {
      let sum = 0;
      for (let j = begin; j < end; j++) sum = fround(sum + fround(a.at(left, m, j) * b.at(right, j, n)));
      value = fround(value + fround(fround(scale) * sum));
      if (hasMore && begin === 0) value = fround(fround(value + bias.at(0, 0, n)) + start.at(matrix, m, n));
    }
    if (hasMore) value = fround(value + residual.at(matrix, m, n));
    worst = Math.max(worst, Math.abs(value - actual[i]));
  }
  for (const x of [a.view, b.view, start.view, row, bias.view, residual.view]) x.dispose();
  return worst;
}

describe.each([
  { title: "the adapter's kernel", options: {}, make: undefined },
  { title: "SwiftShader's kernel", options: { software: true }, make: undefined },
  { title: "the kernel for GPUs", options: {}, make: asHardware },
])("a product over a long k with $title", ({ options, make }) => {
  const gpu = useGpu(options, make);

  it.each<LongProduct>([
    { k: 8196, isBatched: false, aTransposed: false, bTransposed: false, scale: 1, hasMore: false },
    { k: 8197, isBatched: false, aTransposed: false, bTransposed: true, scale: 0.3, hasMore: true },
    { k: 12_288, isBatched: false, aTransposed: true, bTransposed: false, scale: 0.3, hasMore: true },
    { k: 8195, isBatched: true, aTransposed: false, bTransposed: false, scale: 0.3, hasMore: true },
  ])("has the bits of a loop in chunks: $k, batches: $isBatched", async (product) => {
    const before = gpu().statistics.liveBuffers;
    const isExact = describeAdapter(gpu().device.adapterInfo).isSoftware;
    expect(await errorOf(product)).toBeLessThanOrEqual(isExact ? 0 : 2 ** -22 * product.k);
    expect(gpu().statistics.liveBuffers - before).toBe(0);
  });
});

describe("a product over a long k", () => {
  const gpu = useGpu();

  it("does not depend on the rows, columns and batch about it", async () => {
    const k = 8600;
    const [a, b] = [operand(1, [3, 20, k]).view, operand(2, [k, 70]).view];
    const all = tensor(new Float32Array(3 * 20 * 70), [3, 20, 70]);
    matmulInto("matmul", a, b, all);
    const [row, columns] = [sliceView(sliceView(a, 0, 2, 3), 1, 7, 8), sliceView(b, 1, 33, 38)];
    const few = tensor(new Float32Array(5), [1, 1, 5]);
    matmulInto("matmul", row, columns, few);
    const expected = (await all.data()).slice((2 * 20 + 7) * 70 + 33, (2 * 20 + 7) * 70 + 38);
    expect(differences(await few.data(), expected)).toBe(0);
    for (const x of [a, b, all, row, columns, few]) x.dispose();
  });

  it("takes one dispatch for the whole chunks, one for the rest and one for their sum, and counts operations once", () => {
    using dry = new DryGpu(gpu());
    const count = (k: number): [dispatches: number, flops: number] => {
      const before = [dry.statistics.dispatches, dry.flops];
      const make = (shape: number[]): Tensor => tensor(new Float32Array(shape[0] * shape[1]), shape, { gpu: dry });
      const [a, b, c] = [make([4, k]), make([k, 5]), make([4, 5])];
      matmulInto("matmul", a, b, c);
      for (const x of [a, b, c]) x.dispose();
      return [dry.statistics.dispatches - before[0], dry.flops - before[1]];
    };
    expect(count(8192)).toEqual([1, 2 * 4 * 5 * 8192]);
    expect(count(12_288)).toEqual([2, 2 * 4 * 5 * 12_288]);
    expect(count(16_383)).toEqual([3, 2 * 4 * 5 * 16_383]);
  });
});

const { expectSameBits } = useSplit();

describe("a product over a long k, over the binding limit", () => {
  const product =
    (m: number, k: number, n: number, options: MatmulOptions) =>
    (make: Make): Tensor[] => {
      const [a, b, c] = [make([m, k]), make([k, n], { seed: 2 }), make([m, n], { seed: 3 })];
      matmulInto("matmul", a, b, c, options);
      return [c];
    };

  it.each([1, 0.3])("has the same bits in turn or in halves as in two passes, times %d", async (scale) => {
    expect(chooseChunkedWay(16_384, 610 * 9, scale, 64 * 1024)).toBe(scale === 1 ? "in turn" : "halves");
    await expectSameBits((make) => {
      // A chunk of either can be bound: nothing is halved within one.
      const [a, b] = [transposeView(make([16_384, 3])), make([16_384, 3], { seed: 2 })];
      const [c, residual] = [make([610, 3, 3], { seed: 3 }), make([610, 3, 3], { seed: 5 })];
      const bias = make([3], { seed: 4 });
      matmulInto("matmul", a, b, c, { scale, bias, residual, accumulate: true, activation: "gelu" });
      return [c];
    });
  });

  it("is cut at the edges of chunks, and keeps its bits", async () => {
    // b has 48 KB a chunk, of which one can be bound at a time.
    await expectSameBits(product(3, 17_000, 3, {}));
    await expectSameBits(product(3, 17_000, 3, { accumulate: true, scale: 0.3 }));
  });

  it("keeps what the activation is applied to", async () => {
    const kept = (make: Make): Tensor[] => {
      const both = make([2, 30, 3]);
      const [c, before] = [sliceView(both, 0, 0, 1), sliceView(both, 0, 1, 2)];
      const [a, b] = [make([30, 8400], { low: 0 }), make([8400, 3], { seed: 2 })];
      matmulInto("matmul", a, b, c.view([30, 3], [3, 1]), { activation: "relu", keepDistance: 90 });
      const plain = make([30, 3]);
      matmulInto("matmul", a, b, plain);
      return [c, before, plain];
    };
    await expectSameBits(kept);
    const tensors = tidy(() =>
      kept((shape, { seed = 1 } = {}) => {
        const random = seeded(seed);
        const length = shape.reduce((product, n) => product * n, 1);
        return tensor(
          Float32Array.from({ length }, () => random() - 0.5),
          shape,
        );
      }),
    );
    const [c, before, plain] = await Promise.all(tensors.map((x) => x.data()));
    expect(differences(before, plain)).toBe(0);
    const positive = plain.map((v) => Math.max(v, 0));
    expect(differences(c, positive)).toBe(0);
    expect(positive.some((v) => v > 0) && positive.some((v) => v === 0)).toBe(true);
    for (const x of tensors) x.dispose();
  });
});
