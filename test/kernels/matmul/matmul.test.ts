import { describe, expect, it } from "vitest";
import { describeAdapter } from "../../../src/gpu/adapter/adapter.ts";
import type { Gpu } from "../../../src/gpu/index.ts";
import { matmulInto } from "../../../src/kernels/matmul/matmul.ts";
import { chooseVariant } from "../../../src/kernels/matmul/variants.ts";
import { expandView, sliceView, type Tensor, tensor, transposeView } from "../../../src/tensor/index.ts";
import { asHardware, useGpu } from "../../support/gpu.ts";
import { seeded } from "../../support/values.ts";

/** One product: batches that broadcast, and how the operands lie in memory. */
interface Product {
  batch: number[];
  aBatch: number[];
  bBatch: number[];
  m: number;
  n: number;
  k: number;
  aTransposed: boolean;
  bTransposed: boolean;
  /** Elements by which the operands are sliced off a larger storage: breaks the alignment of vec4 loads. */
  offset: number;
  scale: number;
  bias: boolean;
  accumulate: boolean;
  residual: boolean;
  /** Which operands are stored in half precision. */
  halves: [a: boolean, b: boolean];
}

const LENGTHS = [1, 2, 3, 5, 7, 8, 13, 31, 33, 63, 64, 65, 127, 257];

function randomProducts(count: number): Product[] {
  const random = seeded(20);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  const products: Product[] = [];
  while (products.length < count) {
    const [m, n, k] = [pick(LENGTHS), pick(LENGTHS), pick(LENGTHS)];
    const batch = pick([[], [], [2], [3, 2], [2, 1, 3], [2, 3, 2]]);
    if (m * n * k * size(batch) > 4e5) continue;
    const broadcast = () => (random() < 0.3 ? batch.slice(1).map((length, i) => (i === 0 ? 1 : length)) : batch);
    products.push({
      ...{ batch, m, n, k, aBatch: broadcast(), bBatch: broadcast() },
      aTransposed: random() < 0.5,
      bTransposed: random() < 0.5,
      offset: pick([0, 0, 4, 1]),
      scale: pick([1, 1, 0.125, 0.3]),
      bias: random() < 0.3,
      accumulate: random() < 0.3,
      residual: random() < 0.3,
      halves: [random() < 0.1, random() < 0.1],
    });
  }
  return products;
}

const size = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** Matrices [..., rows, columns] on the GPU, stored as asked, and their values in row-major order. */
function operand(
  random: () => number,
  batch: number[],
  rows: number,
  columns: number,
  isTransposed: boolean,
  offset: number,
  isHalf: boolean,
): { view: Tensor; values: Float32Array } {
  const count = size(batch);
  const draw = (): number => Math.round((2 * random() - 1) * 512) / 512;
  const values = Float32Array.from({ length: count * rows * columns }, isHalf ? draw : () => 2 * random() - 1);
  const stored = isTransposed ? [columns, rows] : [rows, columns];
  const pitch = stored[1] + offset;
  const data = new Float32Array(count * stored[0] * pitch).fill(Number.NaN); // what must not be read
  for (let matrix = 0; matrix < count; matrix++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const [i, j] = isTransposed ? [column, row] : [row, column];
        data[(matrix * stored[0] + i) * pitch + offset + j] = values[(matrix * rows + row) * columns + column];
      }
    }
  }
  const base = tensor(data, [...batch, stored[0], pitch], { dtype: isHalf ? "f16" : "f32" });
  const part = sliceView(base, -1, offset, pitch);
  const view = isTransposed ? transposeView(part) : part;
  base.dispose();
  if (view !== part) part.dispose();
  return { view, values };
}

/** The matrix of a broadcast operand that belongs to a matrix of the result. */
function matrixIndex(position: number, batch: readonly number[], own: readonly number[]): number {
  let index = 0;
  let factor = 1;
  for (let axis = batch.length - 1; axis >= 0; axis--) {
    const i = position % batch[axis];
    position = Math.floor(position / batch[axis]);
    const length = own[axis - batch.length + own.length] ?? 1;
    index += (length === 1 ? 0 : i) * factor;
    factor *= length;
  }
  return index;
}

const { fround } = Math;

interface Recorded {
  product: Product;
  c: Tensor;
  expected: Float32Array;
}

/** One product recorded on the GPU, and in single precision here: k ascending, one rounding after every operation. */
function record(product: Product, hasHalves: boolean): Recorded {
  const { batch, m, n, k, scale } = product;
  const random = seeded(m * 7919 + n * 104729 + k);
  const [aHalf, bHalf] = product.halves.map((isHalf) => isHalf && hasHalves);
  const a = operand(random, product.aBatch, m, k, product.aTransposed, product.offset, aHalf);
  const b = operand(random, product.bBatch, k, n, product.bTransposed, product.offset, bHalf);
  const residual = product.residual ? operand(random, batch, m, n, false, product.offset, false) : undefined;
  const bias = product.bias ? Float32Array.from({ length: n }, () => random()) : undefined;
  const start = Float32Array.from({ length: size(batch) * m * n }, () => (product.accumulate ? random() : Number.NaN));

  const expected = new Float32Array(start.length);
  for (let matrix = 0; matrix < size(batch); matrix++) {
    const aBase = matrixIndex(matrix, batch, product.aBatch) * m * k;
    const bBase = matrixIndex(matrix, batch, product.bBatch) * k * n;
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        let sum = 0;
        for (let i = 0; i < k; i++) {
          sum = fround(sum + fround(a.values[aBase + row * k + i] * b.values[bBase + i * n + column]));
        }
        const index = (matrix * m + row) * n + column;
        let value = fround(fround(scale) * sum);
        if (bias) value = fround(value + bias[column]);
        if (product.accumulate) value = fround(value + start[index]);
        if (residual) value = fround(value + residual.values[index]);
        expected[index] = value;
      }
    }
  }

  const c = tensor(start, [...batch, m, n]);
  const biasTensor = bias && tensor(bias);
  const { accumulate } = product;
  matmulInto("matmul", a.view, b.view, c, { scale, bias: biasTensor, accumulate, residual: residual?.view });
  for (const x of [a.view, b.view, biasTensor, residual?.view]) x?.dispose();
  return { product, c, expected };
}

/** Bits that differ; a GPU may fuse product and sum, and is held to the error of a sum instead. */
function expectSame(gpu: Gpu, product: Product, actual: Float32Array, expected: Float32Array): void {
  const isExact = describeAdapter(gpu.device.adapterInfo).isSoftware;
  let different = 0;
  expected.forEach((value, i) => {
    const allowed = isExact ? 0 : 2 ** -22 * product.k;
    if (!(Math.abs(actual[i] - value) <= allowed)) different++;
  });
  expect(different, `elements that differ in ${JSON.stringify(product)}`).toBe(0);
}

describe.each([
  { title: "the adapter's kernel", options: {}, make: undefined, count: 220 },
  { title: "SwiftShader's kernel", options: { software: true }, make: undefined, count: 220 },
  { title: "the kernel for GPUs", options: {}, make: asHardware, count: 80 },
])("matmul with $title", ({ options, make, count }) => {
  const gpu = useGpu(options, make);
  // The kernel for GPUs is slow to compile here: it is tried with halves in one layout, below.
  const hasHalves = (): boolean => gpu().features.has("shader-f16") && make === undefined;

  it("reads halves in place, with the bits of their conversion", async () => {
    const halves: Product["halves"] = [true, true];
    const flat = { batch: [2], aBatch: [2], bBatch: [1], aTransposed: false, bTransposed: false, offset: 0, scale: 1 };
    const product = { ...flat, m: 33, n: 68, k: 12, bias: true, accumulate: false, residual: true, halves };
    const before = gpu().statistics.dispatches;
    const { c, expected } = record(product, true);
    expect(gpu().statistics.dispatches - before).toBe(1);
    expectSame(gpu(), product, (await c.data()) as Float32Array, expected);
    c.dispose();
  });

  it("gives the bits of a loop over k in single precision, in every layout", async () => {
    const before = gpu().statistics.liveBuffers;
    const products = randomProducts(count);
    while (products.length > 0) {
      const recorded = products.splice(0, 20).map((product) => record(product, hasHalves()));
      const read = await Promise.all(recorded.map(({ c }) => c.data()));
      recorded.forEach(({ product, c, expected }, i) => {
        expectSame(gpu(), product, read[i] as Float32Array, expected);
        c.dispose();
      });
    }
    expect(gpu().statistics.liveBuffers - before).toBe(0);
  });

  it("gives zeros for an empty inner axis, and the bias alone", async () => {
    const [a, b, bias] = [tensor([], [3, 0]), tensor([], [0, 2]), tensor([5, 6])];
    const c = tensor(new Float32Array(6).fill(9), [3, 2]);
    matmulInto("matmul", a, b, c);
    expect([...(await c.data())]).toEqual([0, 0, 0, 0, 0, 0]);
    matmulInto("matmul", a, b, c, { bias });
    expect([...(await c.data())]).toEqual([5, 6, 5, 6, 5, 6]);
    for (const x of [a, b, bias, c]) x.dispose();
  });

  it("writes into a strided part of a larger result and leaves the rest alone", async () => {
    const a = tensor([1, 2, 3, 4], [2, 2]);
    const whole = tensor(new Float32Array(12).fill(-1), [2, 6]);
    const part = sliceView(whole, 1, 3, 5);
    matmulInto("matmul", a, a, part);
    expect([...(await whole.data())]).toEqual([-1, -1, -1, 7, 10, -1, -1, -1, -1, 15, 22, -1]);
    for (const x of [a, part, whole]) x.dispose();
  });

  it("reads a bias of any stride", async () => {
    const a = tensor([1, 0, 0, 1], [2, 2]);
    const one = tensor([5]);
    const bias = expandView(one, [2]);
    const c = tensor([0, 0, 0, 0], [2, 2]);
    matmulInto("matmul", a, a, c, { bias });
    expect([...(await c.data())]).toEqual([6, 5, 5, 6]);
    for (const x of [a, one, bias, c]) x.dispose();
  });
});

describe("the tile of a product", () => {
  const device = (vendor: string, size: number): Gpu =>
    ({
      adapter: describeAdapter({ vendor, subgroupMinSize: size, subgroupMaxSize: size } as GPUAdapterInfo),
      features: new Set(["subgroups"]),
      limits: { maxComputeInvocationsPerWorkgroup: 256 },
      variants: {},
    }) as unknown as Gpu;
  const tileOf = (gpu: Gpu, m: number, n: number, layouts: { a?: boolean; b?: boolean; reads?: "elements" } = {}) => {
    const { a = false, b = false, reads = "vectors" } = layouts;
    const problem = {
      m,
      n,
      count: 1,
      a: { isTransposed: a, reads: "vectors" },
      b: { isTransposed: b, reads },
    } as const;
    const { rows, columns } = chooseVariant(gpu, { ...problem, isActivated: false });
    return [rows, columns];
  };

  it("follows shape and layout on a processor", () => {
    const lavapipe = device("lavapipe", 8);
    expect(tileOf(lavapipe, 1024, 1024)).toEqual([16, 64]);
    expect(tileOf(lavapipe, 1024, 1025, { reads: "elements" })).toEqual([32, 32]);
    expect(tileOf(lavapipe, 1024, 1024, { a: true })).toEqual([32, 32]);
    expect(tileOf(lavapipe, 1024, 1024, { b: true })).toEqual([32, 32]);
    expect(tileOf(lavapipe, 1, 768)).toEqual([4, 64]);
    expect(tileOf(lavapipe, 3, 768, { b: true })).toEqual([4, 32]);
    expect(tileOf(lavapipe, 12, 768, { b: true })).toEqual([16, 32]);
    expect(tileOf(lavapipe, 64, 32)).toEqual([32, 32]);
    expect(tileOf(device("lavapipe", 16), 1024, 1024, { b: true })).toEqual([16, 64]);
    expect(tileOf(device("swiftshader", 4), 1024, 1024)).toEqual([16, 64]);
    expect(tileOf(device("swiftshader", 4), 1024, 1024, { b: true })).toEqual([16, 64]);
    expect(tileOf(device("swiftshader", 4), 1, 768)).toEqual([4, 64]);
  });

  it("is large on a GPU where there are enough of them, and low for few rows", () => {
    const nvidia = device("nvidia", 32);
    expect(tileOf(nvidia, 4096, 4096)).toEqual([128, 128]);
    expect(tileOf(nvidia, 512, 512)).toEqual([64, 64]);
    expect(tileOf(nvidia, 4, 4096)).toEqual([4, 256]);
    expect(tileOf(device("intel", 16), 4096, 4096)).toEqual([64, 64]);
  });
});

describe("the wide kernel for GPUs", () => {
  const gpu = useGpu({}, asHardware);

  it.each([false, true])("gives the same bits, B transposed: %s", async (bTransposed) => {
    const flat = { batch: [16], aBatch: [16], bBatch: [1], aTransposed: !bTransposed, offset: 0, scale: 0.3 };
    const product: Product = {
      ...{ ...flat, m: 250, n: 243, k: 21, bTransposed, bias: true, accumulate: true, residual: true },
      halves: [false, false],
    };
    const layout = { reads: "elements", isTransposed: false } as const;
    const chosen = chooseVariant(gpu(), { ...product, count: 16, a: layout, b: layout, isActivated: false });
    expect(chosen.rows).toBe(128);
    const { c, expected } = record(product, false);
    expectSame(gpu(), product, (await c.data()) as Float32Array, expected);
    c.dispose();
  });
});

describe("batches", () => {
  const gpu = useGpu();

  it("multiplies batches with a broadcast axis between others, without copies of it", async () => {
    const before = gpu().statistics.liveBuffers;
    const a = tensor([1, 2, 3, 4], [2, 1, 2, 1, 1]);
    const b = tensor([1, 10, 100, 1000, 2, 20], [3, 2, 1, 1]);
    const c = tensor(new Float32Array(12), [2, 3, 2, 1, 1]);
    matmulInto("matmul", a, b, c);
    expect([...(await c.data())]).toEqual([1, 20, 100, 2000, 2, 40, 3, 40, 300, 4000, 6, 80]);
    const strided = tensor(new Float32Array(48), [2, 2, 3, 2, 2]);
    const part = strided.view([2, 3, 2, 1, 1], [24, 4, 2, 1, 1], 1);
    matmulInto("matmul", a, b, part);
    expect([...(await part.data())]).toEqual([...(await c.data())]);
    for (const x of [a, b, c, strided, part]) x.dispose();
    expect(gpu().statistics.liveBuffers - before).toBe(0);
  });

  it("multiplies more matrices than a grid has workgroups, and more columns", async () => {
    const batch = 65_539;
    const [a, b] = [tensor(new Float32Array(batch).fill(3), [batch, 1, 1]), tensor([5], [1, 1])];
    const c = tensor(new Float32Array(batch), [batch, 1, 1]);
    matmulInto("matmul", a, b, c);
    expect((await c.data()).every((value) => value === 15)).toBe(true);
    const columns = 65_536 * 32 + 1;
    const wide = tensor(new Float32Array(columns).fill(2), [1, columns]);
    const product = tensor(new Float32Array(columns), [1, columns]);
    matmulInto("matmul", b, wide, product);
    expect((await product.data()).every((value) => value === 10)).toBe(true);
    for (const x of [a, b, c, wide, product]) x.dispose();
  });
});
