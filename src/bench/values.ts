import { fromHalfBits, type Shape, sizeOf, toHalfBits } from "../tensor/index.ts";
import type { Operand } from "./problem.ts";

/** Numbers in [-scale, scale) by Marsaglia's xorshift of 32 bits: the same on every machine and in every engine. */
export function randomValues(count: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    values[i] = (state / 2 ** 32 - 0.5) * 2 * scale;
  }
  return values;
}

/** Whole numbers from 0 to `end` - 1. */
export function randomIndices(count: number, end: number, seed: number): Int32Array<ArrayBuffer> {
  const values = randomValues(count, seed);
  return Int32Array.from(values, (value) => Math.min(end - 1, Math.floor((value * 0.5 + 0.5) * end)));
}

export const floats = (name: string, shape: Shape, seed: number, scale = 1): Operand & { values: Float32Array } => ({
  name,
  shape,
  dtype: "f32",
  values: randomValues(sizeOf(shape), seed, scale),
});

/** The same numbers, rounded to half precision and stored so. */
export function halves(name: string, shape: Shape, seed: number): Operand & { values: Float32Array } {
  const rounded = (value: number): number => fromHalfBits(toHalfBits(value));
  return { name, shape, dtype: "f16", values: randomValues(sizeOf(shape), seed).map(rounded) };
}

/** Largest error of a number that is rounded to half precision, relative to its magnitude. */
export const HALF_TOLERANCE = 2 ** -11;

/** Bytes of some f32 or i32 tensors together. */
export const bytesOf = (...shapes: readonly Shape[]): number =>
  shapes.reduce((sum, shape) => sum + 4 * sizeOf(shape), 0);

/** How far a sum of `terms` products may be from the exact one, relative to the sum of their magnitudes. */
export const sumTolerance = (terms: number): number => (8 + 4 * Math.sqrt(terms)) * 2 ** -24;
