import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  adaptiveAveragePool2d,
  adaptiveMaxPool2d,
  averagePool1d,
  averagePool2d,
  backward,
  interpolate,
  maxPool1d,
  maxPool2d,
} from "../../src/autograd/index.ts";
import type { Gpu } from "../../src/gpu/index.ts";
import { type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { openWith } from "../support/gpu.ts";

const [INF, NAN] = [Number.POSITIVE_INFINITY, Number.NaN];

describe.each([
  { title: "this machine's adapter", software: false },
  { title: "SwiftShader", software: true },
])("pooling on $title", ({ software }) => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = (await openWith({ software })).use();
  });
  afterAll(() => gpu.close());

  /** The values of an op, and the gradient of their sum. */
  async function run(x: Tensor, op: (x: Tensor) => Tensor): Promise<{ value: number[]; gradient: number[] }> {
    const before = gpu.statistics.liveBuffers;
    x.requiresGrad = true;
    const [y, gradients] = tidy(() => {
      const result = op(x);
      const ones = tensor(new Float32Array(result.size).fill(1), result.shape);
      return [result, backward(result, { gradient: ones })] as const;
    });
    const results = { value: [...(await y.data())], gradient: [...(await gradients.get(x)!.data())] };
    for (const t of [y, gradients, x]) t.dispose();
    expect(gpu.statistics.liveBuffers).toBe(before - 1);
    return results;
  }

  it("takes NaN for the largest and the first of equal elements, each with the whole gradient", async () => {
    const x = tensor([1, 1, NAN, 5, INF, INF, -INF, -INF, -0, 0, NAN, NAN], [1, 12]);
    const { value, gradient } = await run(x, (rows) => maxPool1d(rows, 2));
    expect(value).toEqual([1, NAN, INF, -INF, -0, NAN]);
    expect(gradient).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1]); // of NaNs the last, as in PyTorch
  });

  it("never lets the padding win, and gives -Infinity for places between the elements", async () => {
    const { value } = await run(tensor([-3, -2, -1], [1, 3]), (x) => maxPool1d(x, 3, { stride: 2, padding: 1 }));
    expect(value).toEqual([-2, -1]);
    const between = await run(tensor([7], [1, 1]), (x) => maxPool1d(x, 2, { padding: 1, dilation: 2 }));
    expect(between).toEqual({ value: [-INF], gradient: [0] });
  });

  it("lets NaN and infinity through averages and interpolation", async () => {
    const average = await run(tensor([1, NAN, 2, INF, 3, 5], [1, 6]), (x) => averagePool1d(x, 2));
    expect(average.value).toEqual([NAN, INF, 4]);
    const nearest = await run(tensor([1, NAN, -INF, 4], [1, 1, 4]), (x) => interpolate(x, { size: [1, 8] }));
    expect(nearest.value).toEqual([1, 1, NAN, NAN, -INF, -INF, 4, 4]);
    const corners = { size: [1, 5], mode: "bilinear", alignCorners: true } as const;
    expect((await run(tensor([1, 3, INF], [1, 1, 3]), (x) => interpolate(x, corners))).value.slice(0, 2)).toEqual([
      1, 2,
    ]);
  });

  it("counts what PyTorch counts in the last window of ceilMode", async () => {
    const pool = (countIncludePad: boolean) => (x: Tensor) =>
      averagePool1d(x, 3, { stride: 2, padding: 1, ceilMode: true, countIncludePad });
    expect((await run(tensor([2, 4, 6, 8], [1, 4]), pool(true))).value).toEqual([2, 6, 4]);
    expect((await run(tensor([2, 4, 6, 8], [1, 4]), pool(false))).value).toEqual([3, 6, 8]);
  });

  it("averages whole planes of any size", async () => {
    const data = Float32Array.from({ length: 2 * 40 * 50 }, (_, i) => i % 7);
    const { value, gradient } = await run(tensor(data, [1, 2, 40, 50]), (x) => adaptiveAveragePool2d(x, 1));
    const mean = (plane: number): number => data.slice(plane * 2000, (plane + 1) * 2000).reduce((a, b) => a + b) / 2000;
    expect(value[0]).toBeCloseTo(mean(0), 5);
    expect(value[1]).toBeCloseTo(mean(1), 5);
    expect(gradient.every((share) => share === Math.fround(1 / 2000))).toBe(true);
  });

  it("takes batches without examples", async () => {
    for (const op of [
      (x: Tensor) => maxPool2d(x, 2),
      (x: Tensor) => averagePool2d(x, 2),
      (x: Tensor) => adaptiveMaxPool2d(x, [2, 1]),
      (x: Tensor) => interpolate(x, { scaleFactor: 2 }),
    ]) {
      expect(await run(tensor([], [0, 3, 4, 4]), op)).toEqual({ value: [], gradient: [] });
    }
  });
});

describe("pooling", () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = (await openWith({})).use();
  });
  afterAll(() => gpu.close());

  it("walks more windows than a dimension of workgroups has", async () => {
    const [height, width] = [2100, 2001]; // 65,660 workgroups
    const data = Float32Array.from({ length: height * width }, (_, i) => i % 1009);
    const [largest, mean, resampled] = tidy(() => {
      const x = tensor(data, [1, height, width]);
      return [
        maxPool2d(x, [1, 2], {
          stride: 1,
          padding: [
            [0, 0],
            [1, 0],
          ],
        }),
        averagePool2d(x, 1),
        interpolate(x, { size: [height, width], mode: "bilinear" }),
      ];
    });
    const [maxima, means, same] = await Promise.all([largest, mean, resampled].map((y) => y.data()));
    let different = 0;
    for (let i = 0; i < data.length; i++) {
      const before = i % width === 0 ? data[i] : data[i - 1];
      if (maxima[i] !== Math.max(before, data[i]) || means[i] !== data[i] || same[i] !== data[i]) different++;
    }
    expect(different).toBe(0);
    for (const t of [largest, mean, resampled]) t.dispose();
    gpu.trim();
  });

  it("refuses what does not fit, by name and before anything runs", () => {
    tidy(() => {
      const x = tensor(new Float32Array(32), [2, 1, 4, 4]);
      const before = gpu.statistics.dispatches;
      expect(() => maxPool2d(x, 5)).toThrow(/^maxPool2d: no window of kernel \[5, 5\] .* fits \[2, 1, 4, 4\]/);
      expect(() => maxPool2d(x, 2, { padding: 2 })).toThrow(/^maxPool2d: padding \[2, 2\] .* below 2/);
      expect(() => maxPool2d(x, 2, { stride: 0 })).toThrow(/^maxPool2d: .* must be positive whole numbers/);
      expect(() => averagePool2d(tensor([1, 2], [2]), 1)).toThrow(/^averagePool2d: expected \[N, C, height, width\]/);
      expect(() => averagePool1d(x, 2)).toThrow(/^averagePool1d: expected \[N, C, length\]/);
      expect(() => adaptiveMaxPool2d(x, [0, 1])).toThrow(/^adaptiveMaxPool2d: expected a size/);
      expect(() => maxPool2d(tensor(new Float32Array(0), [1, 1, 0, 3]), 1)).toThrow(/without empty planes/);
      expect(() => interpolate(x, {})).toThrow(/^interpolate: expected either a size or a scale factor/);
      expect(() => interpolate(x, { size: 2, alignCorners: true })).toThrow(/^interpolate: corners are aligned only/);
      expect(() => interpolate(x, { scaleFactor: 0.1 })).toThrow(/^interpolate: .* whole numbers from 1/);
      expect(gpu.statistics.dispatches).toBe(before);
    });
  });
});
