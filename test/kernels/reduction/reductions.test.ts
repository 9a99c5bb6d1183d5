import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  all,
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
  norm,
  prod,
  sort,
  std,
  sum,
  topK,
  variance,
} from "../../../src/autograd/index.ts";
import type { Gpu } from "../../../src/gpu/index.ts";
import { type HostArray, type Tensor, tensor, tidy } from "../../../src/tensor/index.ts";
import { sizeOf } from "../../reference/nd-array.ts";
import * as reference from "../../reference/reduction.ts";
import { openWith } from "../../support/gpu.ts";
import { ReadBatch } from "../../support/read-batch.ts";
import { seeded } from "../../support/values.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

describe.each([
  { title: "this machine's adapter", software: false },
  { title: "SwiftShader", software: true },
])("reductions on $title", ({ software }) => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = (await openWith({ software })).use();
  });
  afterAll(() => gpu.close());

  const read = async (work: () => Tensor[]): Promise<HostArray[]> => {
    const batch = new ReadBatch(gpu);
    const pending = tidy(() => work().map((x) => batch.add(x)));
    await batch.read();
    expect(gpu.statistics.liveBuffers).toBe(0);
    return pending.map((values) => values());
  };
  const readLists = async (work: () => Tensor[]): Promise<number[][]> => (await read(work)).map((x) => [...x]);

  const ROWS = [
    [1, nan, 2],
    [nan, 1, 2],
    [1, 2, nan],
    [-inf, -5, -inf],
    [1, inf, 2],
    [-inf, -inf, -inf],
    [inf, -inf, 1],
    [0, -0, 0],
  ];

  it("let NaN and infinity through as PyTorch does", async () => {
    const results = await readLists(() => {
      const x = tensor(ROWS);
      return [max(x, 1), min(x, 1), sum(x, 1), mean(x, 1), prod(x, 1), argmax(x, 1), argmin(x, 1)];
    });
    expect(results[0]).toEqual([nan, nan, nan, -5, inf, -inf, inf, 0]);
    expect(results[1].map((v) => v + 0)).toEqual([nan, nan, nan, -inf, 1, -inf, -inf, 0]);
    expect(results[2]).toEqual([nan, nan, nan, -inf, inf, -inf, nan, 0]);
    expect(results[3]).toEqual([nan, nan, nan, -inf, inf, -inf, nan, 0]);
    expect(results[4].map((v) => v + 0)).toEqual([nan, nan, nan, -inf, inf, -inf, -inf, 0]);
    expect(results[5]).toEqual([1, 0, 2, 1, 1, 0, 0, 0]);
    expect(results[6]).toEqual([1, 0, 2, 0, 0, 0, 1, 0]);
    const [lse, variances, deviations, anyOf, allOf, sums] = await readLists(() => {
      const x = tensor(ROWS);
      return [logsumexp(x, 1), variance(x, 1), std(x, 1, { correction: 0 }), any(x, 1), all(x, 1), cumsum(x, 1)];
    });
    expect(lse.slice(0, 3)).toEqual([nan, nan, nan]);
    expect(lse[3]).toBeCloseTo(-5, 6);
    expect(lse.slice(4, 7)).toEqual([inf, -inf, inf]);
    expect(lse[7]).toBeCloseTo(Math.log(3), 6);
    expect(variances).toEqual([nan, nan, nan, nan, nan, nan, nan, 0]);
    expect(deviations).toEqual([nan, nan, nan, nan, nan, nan, nan, 0]);
    expect(anyOf).toEqual([1, 1, 1, 1, 1, 1, 1, 0]);
    expect(allOf).toEqual([1, 1, 1, 1, 1, 1, 1, 0]);
    expect(sums.slice(0, 3)).toEqual([1, nan, nan]);
    expect(sums.slice(9, 15)).toEqual([-inf, -inf, -inf, 1, inf, inf]);
  });

  it("let them through from one chunk to the next, and from single elements", async () => {
    const values = new Float32Array(1500).fill(1);
    values[1234] = nan;
    values[77] = -inf;
    const results = await readLists(() => {
      const x = tensor(values);
      const alone = tensor([[nan], [inf], [2]]);
      return [
        max(x),
        min(x),
        sum(x),
        argmax(x),
        argmin(x),
        logsumexp(x),
        variance(x),
        variance(alone, 1, { correction: 0 }),
      ];
    });
    expect(results.slice(0, 7)).toEqual([[nan], [nan], [nan], [1234], [1234], [nan], [nan]]);
    expect(results[7]).toEqual([nan, nan, 0]);
  });

  it("of nothing are their neutral element, NaN, or refused by name", async () => {
    const results = await readLists(() => {
      const x = tensor([], [2, 0]);
      const sums = [sum, mean, prod, any, all, logsumexp].map((op) => op(x, 1));
      return [...sums, variance(x, 1), std(x, 1), max(x, 0), argmax(x, 0), variance(tensor([3])), cumsum(x, 1)];
    });
    const expected = [0, nan, 1, 0, 1, -inf, nan, nan].map((value) => [value, value]);
    expect(results).toEqual([...expected, [], [], [nan], []]);
    for (const [name, op] of Object.entries({ max, min, argmax, argmin })) {
      const x = tensor([], [2, 0]);
      expect(() => op(x, 1)).toThrow(new RegExp(`^${name}: no elements to reduce in \\[2, 0\\]`));
      x.dispose();
    }
  });

  it("keep the digits of a variance beside a mean that is large", async () => {
    for (const [centre, spread, length] of [
      [1e6, 1, 1000],
      [1e4, 0.01, 70_000],
      [-3e7, 40, 300],
    ]) {
      const random = seeded(length);
      const values = Float32Array.from({ length }, () => centre + spread * (random() + random() - 1));
      const average = values.reduce((total, v) => total + v, 0) / length;
      const expected = values.reduce((total, v) => total + (v - average) ** 2, 0) / (length - 1);
      const [[v], [s]] = await readLists(() => [variance(tensor(values)), std(tensor(values))]);
      expect(Math.abs(v / expected - 1)).toBeLessThan(2e-6);
      expect(Math.abs(s / Math.sqrt(expected) - 1)).toBeLessThan(2e-6);
    }
    const outlier = Float32Array.from({ length: 3000 }, (_, i) => (i === 0 ? 1e8 : i % 7));
    const average = outlier.reduce((total, v) => total + v, 0) / 3000;
    const expected = outlier.reduce((total, v) => total + (v - average) ** 2, 0) / 2999;
    const [[v]] = await readLists(() => [variance(tensor(outlier))]);
    expect(Math.abs(v / expected - 1)).toBeLessThan(2e-6);
  });

  const gradientOf = (values: number[][], op: (x: Tensor) => Tensor): Promise<number[][]> =>
    readLists(() => {
      const x = tensor(values);
      x.requiresGrad = true;
      const gradients = backward(sum(op(x)));
      const result = gradients.get(x)!;
      return [result];
    });

  it("have gradients where they are not smooth: zeros of a product, equal elements", async () => {
    const [products] = await gradientOf(
      [
        [2, 0, 3],
        [0, 4, 0],
        [2, 3, 4],
      ],
      (x) => prod(x, 1),
    );
    expect(products.map((g) => g + 0)).toEqual([0, 6, 0, 0, 0, 0, 12, 8, 6]);
    const equal = [[3, 3, 3]];
    expect((await gradientOf(equal, (x) => std(x, 1)))[0].map((g) => g + 0)).toEqual([0, 0, 0]);
    expect((await gradientOf(equal, (x) => variance(x, 1)))[0].map((g) => g + 0)).toEqual([0, 0, 0]);
    const [shares] = await gradientOf([[5, 1, 5, 5]], (x) => max(x, 1));
    for (const [i, share] of [1 / 3, 0, 1 / 3, 1 / 3].entries()) expect(shares[i]).toBeCloseTo(share, 6);
  });

  it("give norms of any order, also of what is not finite, of zeros and of nothing", async () => {
    const orders = [0, 1, 2, 3, 0.5, -1, inf, -inf];
    const values = await readLists(() =>
      orders.map((order) =>
        norm(
          tensor([
            [3, -4],
            [nan, 1],
            [-inf, 2],
            [0, 0],
          ]),
          { order, axes: 1 },
        ),
      ),
    );
    const expected = [
      [2, 2, 2, 0],
      [7, nan, inf, 0],
      [5, nan, inf, 0],
      [91 ** (1 / 3), nan, inf, 0],
      [(Math.sqrt(3) + 2) ** 2, nan, inf, 0],
      [12 / 7, nan, 2, 0],
      [4, nan, inf, 0],
      [3, nan, 2, 0],
    ];
    values.forEach((list, i) => {
      list.forEach((value, k) => {
        const what = `order ${orders[i]}, row ${k}`;
        if (Number.isFinite(expected[i][k])) expect(Math.abs(value - expected[i][k]), what).toBeLessThan(4e-6);
        else expect(value, what).toBe(expected[i][k]);
      });
    });
    for (const order of orders) {
      const [zeros] = await gradientOf([[0, 0]], (x) => norm(x, { order, axes: 1 }));
      expect(zeros.map((g) => g + 0)).toEqual([0, 0]);
    }
    const [shared] = await gradientOf([[-2, 2, 1, 2]], (x) => norm(x, { order: inf, axes: 1 }));
    const third = Math.fround(1 / 3);
    for (const [i, share] of [-third, third, 0, third].entries()) expect(shared[i]).toBeCloseTo(share, 6);
    const nothing = tensor([], [2, 0]);
    for (const order of [inf, -inf, -1]) {
      expect(() => norm(nothing, { order, axes: 1 })).toThrow(/^norm: no elements to reduce in \[2, 0\]/);
    }
    nothing.dispose();
    expect(
      await readLists(() => [norm(tensor([], [2, 0]), { axes: 1 }), norm(tensor([], [2, 0]), { order: 3 })]),
    ).toEqual([[0, 0], [0]]);
  });

  it("sort as a stable sort of the host does, over 100 shapes", async () => {
    const lengths = [1, 2, 5, 63, 64, 65, 127, 255, 256, 257, 300, 513, 1031, 5000];
    const random = seeded(11);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(list.length * random())];
    const batch = new ReadBatch(gpu);
    const cases = Array.from({ length: 100 }, (_, i) => {
      const length = lengths[i % lengths.length];
      const shape = pick([[length], [3, length], [2, length, 3], [length, 5]]);
      const axis = shape.indexOf(length);
      // Many ties, and what is not finite.
      const draw = pick([
        () => Math.floor(9 * random()) - 4,
        () => Math.fround(2 * random() - 1),
        () => pick([nan, inf, -inf, 0, -0, 1, -1, 1e-40, 3]),
      ]);
      const data = Float64Array.from({ length: sizeOf(shape) }, draw);
      const [descending, keep] = [i % 3 === 0, i % 4 === 0 ? Math.ceil(length * random() * random()) : length];
      const [values, indices] = tidy(() => {
        const x = tensor(data, shape);
        const result = keep < length ? topK(x, keep, { axis, largest: descending }) : sort(x, { axis, descending });
        return [batch.add(result.values), batch.add(result.indices)];
      });
      return { shape, axis, descending, keep, data, values, indices };
    });
    await batch.read();
    for (const { values, indices, shape, data, ...attributes } of cases) {
      const what = `[${shape}] ${JSON.stringify(attributes)}`;
      const order = reference.argsort([{ shape, data: data.map(Math.fround) }], attributes).data;
      expect(indices(), what).toEqual(Int32Array.from(order));
      const [inner, length] = [sizeOf(shape.slice(attributes.axis + 1)), shape[attributes.axis]];
      const picked = Float32Array.from(order, (index, place) => {
        const [row, column] = [Math.floor(place / (attributes.keep * inner)), place % inner];
        return data[(row * length + index) * inner + column];
      });
      expect(
        values().map((v) => v + 0),
        what,
      ).toEqual(picked.map((v) => v + 0));
    }
    expect(gpu.statistics.liveBuffers).toBe(0);
  });

  it("sort integers, scalars and nothing, and send gradients back where values came from", async () => {
    const results = await readLists(() => {
      const scalar = sort(tensor(7, []));
      const empty = sort(tensor([], [0, 3]), { axis: 0 });
      return [
        argsort(tensor([3, -5, 2 ** 31 - 1, -(2 ** 31)], [4], { dtype: "i32" })),
        argsort(tensor([3, 5, 2 ** 32 - 1, 0], [4], { dtype: "u32" }), { descending: true }),
        scalar.values,
        scalar.indices,
        empty.values,
        topK(tensor([1, 2]), 0).values,
      ];
    });
    expect(results).toEqual([[3, 1, 0, 2], [2, 1, 0, 3], [7], [0], [], []]);
    const [gradient] = await readLists(() => {
      const x = tensor([[5, 1, 3]]);
      x.requiresGrad = true;
      return [backward(sort(x).values, { gradient: tensor([[10, 20, 30]]) }).get(x)!];
    });
    expect(gradient).toEqual([30, 10, 20]);
    const x = tensor([1, 2]);
    expect(() => topK(x, 3)).toThrow(/^topK: k = 3 is not from 0 to 2, along axis -1 of \[2\]/);
    x.dispose();
  });
});
