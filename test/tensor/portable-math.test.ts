import { describe, expect, it } from "vitest";
import { mulberry32 } from "../../src/io/datasets/random.ts";
import { cosineOfPi, exponential, naturalLogarithm, wholePower } from "../../src/tensor/portable-math.ts";

const random = mulberry32(7);
const between = (low: number, high: number): number[] =>
  Array.from({ length: 2000 }, () => low + (high - low) * random.next());

/** Largest error over the larger of the result's own spacing and `scale`'s, in units in the last place. */
function worst(ours: (x: number) => number, theirs: (x: number) => number, xs: number[], scale = 0): number {
  return Math.max(
    ...xs.map((x) => {
      const expected = theirs(x);
      return Math.abs(ours(x) - expected) / (Math.max(Math.abs(expected), scale) * Number.EPSILON);
    }),
  );
}

/** The bits of doubles, as the whole numbers that a hash takes. */
function hash(values: number[]): number {
  let state = 0x811c9dc5;
  for (const byte of new Uint8Array(Float64Array.from(values).buffer)) state = Math.imul(state ^ byte, 0x01000193);
  return state >>> 0;
}

describe("functions that are alike everywhere", () => {
  it("are as accurate as JavaScript's own", () => {
    expect(worst(exponential, Math.exp, between(-40, 40))).toBeLessThan(3);
    expect(worst(exponential, Math.exp, between(-700, 709))).toBeLessThan(3);
    expect(worst(naturalLogarithm, Math.log, between(0.4, 3))).toBeLessThan(3);
    expect(worst(naturalLogarithm, Math.log, between(-700, 700).map(Math.exp))).toBeLessThan(3);
    expect(worst(cosineOfPi, (x) => Math.cos(Math.PI * x), between(-1, 1), 1)).toBeLessThan(4);
    for (const base of [0.9, 0.999, 0.5, 1.1]) {
      const steps = [0, 1, 2, 3, 10, 100, 1000];
      // An error of half a unit at each squaring is doubled by each later one.
      expect(
        worst(
          (n) => wholePower(base, n),
          (n) => base ** n,
          steps,
        ),
      ).toBeLessThan(1000);
    }
  });

  it("have the values that are exact, and the edges", () => {
    expect([0, 0.5, 1, 1.5, 2, -1].map(cosineOfPi)).toEqual([1, 0, -1, -0, 1, -1].map((x) => x + 0));
    expect(naturalLogarithm(1)).toBe(0);
    const edges = [Number.MIN_VALUE, 2 ** -1022, 1 - 2 ** -53, 1 + 2 ** -52, Number.MAX_VALUE];
    expect(worst(naturalLogarithm, Math.log, edges)).toBeLessThan(3);
    expect([0, -1, Number.NaN, Number.POSITIVE_INFINITY].map(naturalLogarithm)).toEqual([
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ]);
    expect([0, Number.NEGATIVE_INFINITY, -800, 800, Number.NaN].map(exponential)).toEqual([
      1,
      0,
      0,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ]);
    expect(exponential(-745)).toBe(Number.MIN_VALUE);
    expect([wholePower(3, 4), wholePower(2, 1023), wholePower(0, 0), wholePower(0.5, 1074)]).toEqual([
      81,
      2 ** 1023,
      1,
      2 ** -1074,
    ]);
  });

  it("have these bits, here and everywhere", () => {
    const steps = Array.from({ length: 2000 }, (_, i) => i);
    expect({
      exponential: hash(steps.map((i) => exponential(i / 40 - 30))),
      logarithm: hash(steps.map((i) => naturalLogarithm((i + 1) / 77))),
      cosine: hash(steps.map((i) => cosineOfPi(i / 1999))),
      power: hash(steps.map((i) => wholePower(0.999, i))),
    }).toEqual({ exponential: 2869679646, logarithm: 3865281750, cosine: 1373709866, power: 1963662429 });
  });
});
