import type { DType } from "../../src/tensor/index.ts";
import { at, generate, type NdArray, type Reference } from "./nd-array.ts";

const each =
  (apply: (x: number) => number): Reference =>
  ([x]) => ({ shape: x.shape, data: x.data.map(apply) });

/** The common shape: lengths aligned at the end, 1 gives way. */
function commonShape(a: NdArray, b: NdArray): number[] {
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a.shape[axis - rank + a.shape.length] ?? 1;
    const right = b.shape[axis - rank + b.shape.length] ?? 1;
    return left === 1 ? right : left;
  });
}

const eachPair =
  (apply: (a: number, b: number) => number): Reference =>
  ([a, b]) =>
    generate(commonShape(a, b), (index) => apply(at(a, index), at(b, index)));

export const add = eachPair((a, b) => a + b);
export const sub = eachPair((a, b) => a - b);
export const mul = eachPair((a, b) => a * b);
export const div = eachPair((a, b) => a / b);
export const equal = eachPair((a, b) => Number(a === b));
export const notEqual = eachPair((a, b) => Number(a !== b));
export const less = eachPair((a, b) => Number(a < b));
export const greater = eachPair((a, b) => Number(a > b));

export const affine: Reference<{ scale: number; shift: number }> = ([x], { scale, shift }) => ({
  shape: x.shape,
  data: x.data.map((value) => scale * value + shift),
});

export const exp = each(Math.exp);
export const log = each(Math.log);
export const sqrt = each(Math.sqrt);
export const rsqrt = each((x) => 1 / Math.sqrt(x));
export const square = each((x) => x * x);
export const reciprocal = each((x) => 1 / x);
export const tanh = each(Math.tanh);
export const gelu = each((x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))));

export const cast: Reference<{ dtype: DType }> = ([x], { dtype }) => {
  const convert: Record<DType, (value: number) => number> = {
    f32: Math.fround,
    f16: (value) => value,
    i32: Math.trunc,
    u32: Math.trunc,
    bool: (value) => Number(value !== 0),
  };
  return { shape: x.shape, data: x.data.map(convert[dtype]) };
};
