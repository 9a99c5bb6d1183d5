import { describe, expect, it } from "vitest";
import {
  add,
  backward,
  bernoulli,
  categorical,
  dropout,
  dropoutAdd,
  normal,
  permutation,
  uniform,
} from "../../src/autograd/index.ts";
import { ones } from "../../src/kernels/create.ts";
import { quantileTable } from "../../src/kernels/random/quantiles.ts";
import { type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { randomWords, threefry2x32, uniform24 } from "../reference/random.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const { fround } = Math;

async function read(x: Tensor): Promise<number[]> {
  const values = [...(await x.data())];
  x.dispose();
  return values;
}

const table = quantileTable();

/** The normal number of two random words: 64 cells an octave of the tail, linear within, in units of 2^-21. */
function normalOf([first, second]: [number, number]): number {
  const t = first & 0x7fffffff;
  const octave = Math.clz32(t | 64) - 1;
  const width = 2 ** (24 - octave);
  const index = t < 64 ? 25 * 64 + t : octave * 64 + (Math.floor(t / width) % 64);
  const [begin, drop] = [table[2 * index], table[2 * index + 1]];
  const magnitude = begin - Math.floor((drop * (t % width)) / width);
  return ((second & 1) === 0 ? 1 : -1) * magnitude * 2 ** -21;
}

describe("Threefry-2x32-20, as the tests compute it", () => {
  it("gives the known answers of Random123", () => {
    const ones = 0xffffffff;
    expect(threefry2x32([0, 0], [0, 0])).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefry2x32([ones, ones], [ones, ones])).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(threefry2x32([0x243f6a88, 0x85a308d3], [0x13198a2e, 0x03707344])).toEqual([0xc4923a9c, 0x483df7a0]);
  });
});

describe("uniform", () => {
  it.each([0, 1, 42, 2 ** 32 - 1, 2 ** 32 + 5, 2 ** 53 - 1])("has the bits of Threefry under seed %d", async (seed) => {
    const expected = Array.from({ length: 130 }, (_, i) => uniform24(randomWords(i, seed)[0]));
    expect(await read(uniform([2, 65], { seed }))).toEqual(expected);
    const scaled = expected.map((u) => fround(fround(u * fround(0.4)) + fround(-0.1)));
    expect(await read(uniform([130], { seed, low: -0.1, high: 0.3 }))).toEqual(scaled);
  });

  it("is evenly spread over [0, 1)", async () => {
    const values = await read(uniform([100_000], { seed: 9 }));
    expect(Math.max(...values.slice(0, 50_000))).toBeLessThan(1);
    expect(Math.min(...values.slice(0, 50_000))).toBeGreaterThanOrEqual(0);
    expect(kolmogorovSmirnov(values, (x) => x)).toBeLessThan(1.63);
  });

  it("refuses seeds that are no counts, and impossible shapes", () => {
    for (const seed of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => uniform([1], { seed })).toThrow(`uniform: seed ${seed} is not a non-negative safe integer`);
    }
    expect(() => normal([-1], { seed: 1 })).toThrow("normal: shape [-1] has a length");
    expect(gpu().statistics.liveBuffers).toBe(0);
  });
});

/** √n times the largest distance between the values' distribution and `cumulative`; over 1.63 once in a hundred. */
function kolmogorovSmirnov(values: number[], cumulative: (x: number) => number): number {
  const n = values.length;
  const worst = values
    .toSorted((a, b) => a - b)
    .reduce((d, x, i) => Math.max(d, Math.abs(cumulative(x) - i / n), Math.abs(cumulative(x) - (i + 1) / n)), 0);
  return Math.sqrt(n) * worst;
}

/** Φ(z), good to 1e-7 (Abramowitz & Stegun 26.2.17). */
function normalCumulative(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return z > 0 ? 1 - tail : tail;
}

describe("normal", () => {
  it.each([0, 7, 2 ** 40 + 3])("has the bits of Threefry and the table of quantiles under seed %d", async (seed) => {
    const expected = Array.from({ length: 20_000 }, (_, i) => normalOf(randomWords(i, seed)));
    expect(await read(normal([20_000], { seed }))).toEqual(expected);
    const scaled = expected.map((z) => fround(fround(z * fround(0.02)) + fround(0.3)));
    expect(await read(normal([200, 100], { seed, mean: 0.3, deviation: 0.02 }))).toEqual(scaled);
  });

  it("looks up the quantiles of the normal distribution, tails included", () => {
    const quantiles: [number, number][] = [
      [0.5, 0],
      [0.25, 0.6744897501960817],
      [0.05, 1.6448536269514722],
      [0.025, 1.959963984540054],
      [0.001, 3.090232306167813],
      [1e-6, 4.753424308822899],
      [1e-9, 5.997807015007686],
    ];
    for (const [tail, z] of quantiles) {
      // The lowest tails are steps of 2^-32, a fraction of themselves.
      const t = Math.min(Math.round(tail * 2 ** 32 - 0.5), 2 ** 31 - 1);
      const exactTail = (t + 0.5) / 2 ** 32;
      const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
      expect(Math.abs(normalOf([t, 0]) - (z - (exactTail - tail) / density))).toBeLessThan(
        3e-5 + 0.02 * (tail < 1e-8 ? 1 : 0),
      );
    }
    const magnitudes = Array.from({ length: 100_000 }, (_, i) => normalOf([i * 21_474, 0]));
    expect(magnitudes.every((z, i) => i === 0 || z <= magnitudes[i - 1])).toBe(true);
  });

  it("has the moments and the distribution of a standard normal", async () => {
    const n = 200_000;
    const values = await read(normal([n], { seed: 123 }));
    const moment = (k: number) => values.reduce((sum, z) => sum + z ** k, 0) / n;
    // Within four standard errors: √(Var zᵏ / n).
    expect(Math.abs(moment(1))).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    expect(kolmogorovSmirnov(values, normalCumulative)).toBeLessThan(1.63);
    expect(values.filter((z) => Math.abs(z) > 4).length).toBeGreaterThan(0);
  });

  it("is another stream under another seed, and the same under the same", async () => {
    const [a, b, c] = await Promise.all([1, 1, 2].map((seed) => read(normal([64], { seed }))));
    expect(a).toEqual(b);
    expect(a.filter((value, i) => value === c[i]).length).toBeLessThan(3);
  });
});

describe("dropout", () => {
  it("drops about the share asked for, scales the rest, and gives the gradient the same mask", async () => {
    const [n, p] = [50_000, 0.2];
    const x = ones([n]);
    x.requiresGrad = true;
    const cotangent = normal([n], { seed: 3 });
    const y = dropout(x, p, 77);
    const grads = backward(y, { gradient: cotangent });
    const [values, gradient, g] = [await read(y), await read(grads.get(x)!), await read(cotangent)];
    const scale = fround(1 / (1 - p));
    const kept = values.filter((value) => value !== 0).length;
    expect(Math.abs(kept / n - (1 - p))).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / n));
    expect(values.every((value) => value === 0 || value === scale)).toBe(true);
    expect(gradient).toEqual(values.map((value, i) => (value === 0 ? 0 : fround(scale * g[i]))));
    x.dispose();
    expect(gpu().statistics.liveBuffers).toBe(0);
  });

  it("keeps all at 0, nothing at 1, and refuses what is no probability", async () => {
    using x = ones([65]);
    expect(await read(dropout(x, 0, 1))).toEqual(Array(65).fill(1));
    expect(await read(dropout(x, 1, 1))).toEqual(Array(65).fill(0));
    for (const p of [-0.1, 1.1, Number.NaN]) {
      expect(() => dropout(x, p, 1)).toThrow(`dropout: expected a probability, got ${p}`);
    }
  });
});

describe("dropout beside a residual", () => {
  it("has the bits of the sum, and gives both the gradients they have in it", async () => {
    for (const n of [1, 65, 1000]) {
      const [x, residual, g] = [1, 2, 3].map((seed) => normal([n], { seed }));
      for (const leaf of [x, residual]) leaf.requiresGrad = true;
      const fused = dropoutAdd(x, residual, 0.3, 7);
      const plain = tidy(() => add(residual, dropout(x, 0.3, 7)));
      const [own, other] = [fused, plain].map((y) => backward(y, { gradient: g }));
      expect(await read(fused)).toEqual(await read(plain));
      for (const leaf of [x, residual]) expect(await read(own.get(leaf)!)).toEqual(await read(other.get(leaf)!));
      for (const tensorOf of [x, residual, g]) tensorOf.dispose();
    }
    expect(gpu().statistics.liveBuffers).toBe(0);
  });

  it("refuses a residual of another shape, and what is no probability", () => {
    using x = ones([2, 3]);
    using residual = ones([3]);
    expect(() => dropoutAdd(x, residual, 0.5, 1)).toThrow("dropoutAdd: expected a residual of shape [2, 3], got [3]");
    expect(() => dropoutAdd(x, x, 2, 1)).toThrow("dropoutAdd: expected a probability, got 2");
  });
});

describe("bernoulli", () => {
  it("is 1 where the uniform number lies below the probability", async () => {
    const seed = 2 ** 33 + 7;
    const uniforms = Array.from({ length: 130 }, (_, i) => uniform24(randomWords(i, seed)[0]));
    expect(await read(bernoulli([2, 65], { seed, p: 0.3 }))).toEqual(uniforms.map((u) => Number(u < fround(0.3))));
    const p = Float32Array.from(uniforms, (_, i) => i / 129);
    const probabilities = tensor(p);
    expect(await read(bernoulli(probabilities, { seed }))).toEqual(uniforms.map((u, i) => Number(u < p[i])));
    probabilities.dispose();
  });

  it("has the mean p, and is all zeros and all ones at its ends", async () => {
    const values = await read(bernoulli([100_000], { seed: 3, p: 0.25 }));
    expect(values.reduce((a, b) => a + b) / values.length).toBeCloseTo(0.25, 2);
    expect(new Set(await read(bernoulli([999], { seed: 3, p: 0 })))).toEqual(new Set([0]));
    expect(new Set(await read(bernoulli([999], { seed: 3, p: 1 })))).toEqual(new Set([1]));
  });

  it("refuses what is no probability", () => {
    expect(() => bernoulli([2], { seed: 1, p: 1.5 })).toThrow("bernoulli: expected a probability, got 1.5");
  });
});

/** The first class whose running sum exceeds u · total, in single precision. */
function drawOf(weights: ArrayLike<number>, u: number): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total = fround(total + weights[i]);
  let [sum, chosen] = [0, 0];
  for (let i = 0; i < weights.length; i++) {
    sum = fround(sum + weights[i]);
    if (weights[i] > 0) chosen = i;
    if (sum > fround(u * total)) break;
  }
  return chosen;
}

describe("categorical", () => {
  it("inverts the cumulative sum of each row", async () => {
    const [rows, classes, samples, seed] = [7, 65, 9, 21];
    const weights = Float32Array.from({ length: rows * classes }, (_, i) => fround(((i * 7919) % 31) / 7));
    const x = tensor(weights, [rows, classes]);
    const expected = Array.from({ length: rows * samples }, (_, i) => {
      const row = Math.floor(i / samples);
      return drawOf(weights.subarray(row * classes, (row + 1) * classes), uniform24(randomWords(i, seed)[0]));
    });
    const drawn = categorical(x, { seed, samples });
    expect([drawn.shape, drawn.dtype]).toEqual([[rows, samples], "i32"]);
    expect(await read(drawn)).toEqual(expected);
    const one = categorical(x, { seed });
    expect(one.shape).toEqual([rows]);
    one.dispose();
    x.dispose();
  });

  it("draws in proportion to the weights, and never a class of weight 0", async () => {
    const x = tensor([0, 1, 0, 3, 0]);
    const values = await read(categorical(x, { seed: 5, samples: 40_000 }));
    x.dispose();
    const counts = [0, 1, 2, 3, 4].map((c) => values.filter((value) => value === c).length / values.length);
    expect([counts[0], counts[2], counts[4]]).toEqual([0, 0, 0]);
    expect(counts[3]).toBeCloseTo(0.75, 2);
  });

  it("refuses what has no classes", () => {
    tidy(() => {
      expect(() => categorical(tensor([], [3, 0]), { seed: 1 })).toThrow(/^categorical: expected weights/);
      expect(() => categorical(tensor([1]), { seed: 1, samples: -1 })).toThrow(/^categorical: samples/);
    });
  });
});

describe("permutation", () => {
  it("puts every number once, in an order that the seed alone gives", async () => {
    const values = await read(permutation(257, { seed: 4 }));
    expect([...values].sort((a, b) => a - b)).toEqual(Array.from({ length: 257 }, (_, i) => i));
    expect(await read(permutation(257, { seed: 4 }))).toEqual(values);
    expect(await read(permutation(257, { seed: 5 }))).not.toEqual(values);
    expect(await read(permutation(6, { seed: 0 }))).toEqual(expectedOrder(6, 0));
    expect(await read(permutation(0, { seed: 0 }))).toEqual([]);
  });

  it("gives each of the six orders of three numbers equally often", async () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 1200; seed++) {
      const order = expectedOrder(3, seed).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(60);
  });
});

/** Fisher–Yates from the back, by the generator as the tests compute it. */
function expectedOrder(n: number, seed: number): number[] {
  const places = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const [high, low] = randomWords(i, seed);
    const j = Math.floor(((Math.floor(high / 32) * 2 ** 26 + Math.floor(low / 64)) / 2 ** 53) * (i + 1));
    [places[i], places[j]] = [places[j], places[i]];
  }
  return places;
}
