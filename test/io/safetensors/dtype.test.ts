import { describe, expect, test } from "vitest";
import { decode, encode, fromFloat32, toFloat32 } from "../../../src/io/safetensors/dtype.ts";

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const allHalves = Uint16Array.from({ length: 0x10000 }, (_, i) => i);

/** Nearest of two neighbours to a value, ties to the one with an even bit pattern, in exact f64 arithmetic. */
function nearest(value: number, lower: number, upper: number, lowerBits: number): number {
  const below = value - lower;
  const above = upper - value;
  if (below === above) return lowerBits % 2 === 0 ? lowerBits : lowerBits + 1;
  return below < above ? lowerBits : lowerBits + 1;
}

/** f32 neighbours of a positive value and the value itself. */
function around(value: number): number[] {
  const words = new Uint32Array(Float32Array.of(value).buffer);
  return [words[0] - 1, words[0], words[0] + 1].map((word) => new Float32Array(Uint32Array.of(word).buffer)[0]);
}

describe.each([
  { dtype: "F16", infinity: 0x7c00, spacing: 2 ** -24 },
  { dtype: "BF16", infinity: 0x7f80, spacing: 2 ** -133 },
] as const)("$dtype", ({ dtype, infinity, spacing }) => {
  const values = toFloat32(dtype, bytesOf(allHalves));

  test("every finite value survives the way to f32 and back, NaN stays NaN", () => {
    const back = new Uint16Array(fromFloat32(dtype, values).slice().buffer);
    for (const half of allHalves) {
      if ((half & 0x7fff) > infinity) {
        expect(values[half]).toBeNaN();
        expect(back[half] & 0x7fff).toBeGreaterThan(infinity);
      } else if (back[half] !== half) {
        expect.fail(`${half} became ${back[half]}`);
      }
    }
    expect([values[0], values[1], values[infinity], values[0x8000]]).toEqual([0, spacing, Infinity, -0]);
  });

  test("rounds to nearest, ties to even, around every midpoint, in both signs", () => {
    for (let bits = 0; bits < infinity; bits++) {
      const lower = values[bits];
      const upper = bits + 1 === infinity ? lower + (lower - values[bits - 1]) : values[bits + 1];
      for (const value of around((lower + upper) / 2)) {
        const expected = nearest(value, lower, upper, bits);
        const [plus, minus] = new Uint16Array(fromFloat32(dtype, Float32Array.of(value, -value)).slice().buffer);
        if (plus !== expected || minus !== (expected | 0x8000)) {
          expect.fail(`${value} became ${plus} and ${minus}, expected ${expected}`);
        }
      }
    }
  });

  test("NaN with a payload in the lowest bit only does not become infinity", () => {
    const nan = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001).buffer);
    expect([...toFloat32(dtype, fromFloat32(dtype, nan))]).toEqual([NaN, NaN]);
  });
});

describe("decode and encode", () => {
  test("64-bit integers keep every digit", () => {
    const bytes = bytesOf(BigUint64Array.of(2n ** 63n, 2n ** 53n + 1n));
    expect([...decode("I64", bytes)]).toEqual([-(2n ** 63n), 2n ** 53n + 1n]);
    expect([...decode("U64", bytes)]).toEqual([2n ** 63n, 2n ** 53n + 1n]);
  });

  test("F64 is exact as such and rounded once as f32, to infinity beyond its range", () => {
    const doubles = Float64Array.of(0.1, 1e300, 2 ** -149 / 2, -0);
    expect(decode("F64", bytesOf(doubles))).toEqual(doubles);
    expect([...toFloat32("F64", bytesOf(doubles))]).toEqual([Math.fround(0.1), Infinity, 0, -0]);
  });

  test("bytes off an element boundary are read right", () => {
    const bytes = new Uint8Array(13);
    bytes.set(bytesOf(Float32Array.of(1.5, -2, 3.25)), 1);
    expect([...decode("F32", bytes.subarray(1))]).toEqual([1.5, -2, 3.25]);
  });

  test("any byte but 0 is true", () => {
    expect([...decode("BOOL", Uint8Array.of(0, 1, 2, 255))]).toEqual([0, 1, 1, 1]);
  });

  test("an array that does not suit the dtype is refused by name", () => {
    expect(() => encode("F32", Int32Array.of(1))).toThrow("Int32Array does not hold values of dtype F32");
    expect(() => encode("I64", Float32Array.of(1))).toThrow("f32 values cannot be written as dtype I64");
    expect(() => decode("F32", new Uint8Array(5))).toThrow("5 bytes are not a whole number of 4-byte elements");
    expect(encode("I64", BigInt64Array.of(-1n))).toEqual(new Uint8Array(8).fill(255));
    expect(encode("F64", Float32Array.of(0.5))).toEqual(bytesOf(Float64Array.of(0.5)));
  });
});
