import type { DType } from "../../src/tensor/index.ts";
import { type NdArray, sizeOf } from "../reference/nd-array.ts";
import type { SampleInput } from "../samples/index.ts";

/** Numbers in [0, 1) from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const isFloatType = (dtype: DType): boolean => dtype === "f32" || dtype === "f16";

/** Values for a sample's input, exact in its type: floats are rounded to f32. */
export function drawInput({ shape, dtype = "f32", low = -2, high = 2 }: SampleInput, random: () => number): NdArray {
  const draw = isFloatType(dtype)
    ? () => Math.fround(low + (high - low) * random())
    : () => low + Math.floor((high - low) * random());
  return { shape, data: Float64Array.from({ length: sizeOf(shape) }, draw) };
}
