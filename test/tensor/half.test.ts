import { describe, expect, it } from "vitest";
import { fromHalfBits, toHalfBits } from "../../src/tensor/index.ts";

const isNaNBits = (half: number): boolean => (half & 0x7c00) === 0x7c00 && (half & 0x3ff) !== 0;

describe("halves", () => {
  it("hold known values", () => {
    const known: [number, number][] = [
      [0x0000, 0],
      [0x0001, 2 ** -24],
      [0x03ff, 1023 * 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3555, 0.333251953125],
      [0x3c00, 1],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x7c00, Number.POSITIVE_INFINITY],
      [0xfc00, Number.NEGATIVE_INFINITY],
    ];
    for (const [bits, value] of known) {
      expect(fromHalfBits(bits)).toBe(value);
      expect(toHalfBits(value)).toBe(bits);
    }
    expect(Object.is(fromHalfBits(0x8000), -0)).toBe(true);
    expect(toHalfBits(-0)).toBe(0x8000);
  });

  it("come back from every bit pattern", () => {
    const wrong: number[] = [];
    for (let half = 0; half < 0x10000; half++) {
      const value = fromHalfBits(half);
      const back = toHalfBits(value);
      if (isNaNBits(half) ? !(Number.isNaN(value) && isNaNBits(back)) : back !== half) wrong.push(half);
    }
    expect(wrong).toEqual([]);
  });

  it("are the nearest to a value, and the even one of two equally near", () => {
    const wrong: number[] = [];
    const { fround } = Math;
    for (let half = 0; half < 0x7bff; half++) {
      const [low, high] = [fromHalfBits(half), fromHalfBits(half + 1)];
      const middle = (low + high) / 2; // exact in f32
      const step = (high - low) / 1024;
      const even = half % 2 === 0 ? half : half + 1;
      const results = [toHalfBits(middle), toHalfBits(fround(middle - step)), toHalfBits(fround(middle + step))];
      if (results[0] !== even || results[1] !== half || results[2] !== half + 1) wrong.push(half);
      if (toHalfBits(-middle) !== (even | 0x8000)) wrong.push(-half);
    }
    expect(wrong).toEqual([]);
  });

  it("overflow to infinity from 65520 on and vanish below 2^-25", () => {
    expect(toHalfBits(Math.fround(65519.996))).toBe(0x7bff);
    expect(toHalfBits(65520)).toBe(0x7c00);
    expect(toHalfBits(-1e30)).toBe(0xfc00);
    expect(toHalfBits(2 ** -25)).toBe(0);
    expect(toHalfBits(Math.fround(2 ** -25 * 1.0001))).toBe(1);
    expect(toHalfBits(1e-40)).toBe(0);
  });
});
