import { type DType, isFloat, storageType } from "../../tensor/index.ts";
import { EXPONENTIAL, type LibraryFile, LOGARITHM, POWER } from "../library.ts";
import { ORDER_KEYS } from "../sort/order-keys.ts";

// The reductions. Each is an export of its own, so that bundlers leave out those that a program does not use.

/** One way to reduce: bodies of the functions of `reduce.wgsl`, where they differ from its own. */
export interface Reduction {
  readonly name: string;
  /** Types of elements that it takes. */
  readonly types: readonly DType[];
  /** What it gives of no elements; refused without. */
  readonly empty?: number;
  /** Type of the accumulator for a type of elements. */
  accumulator(dtype: DType): string;
  /** From an element `v` and its `index` to an accumulator. */
  prepare?(dtype: DType): string;
  combine?(dtype: DType): string;
  /** From an accumulator `a` to the result. */
  finish?: string;
  /** Files of the library whose functions the bodies call. */
  uses?: readonly LibraryFile[];
  /** Whether the result is a place, counted along all reduced axes together. */
  readonly findsPlace?: boolean;
  /** Type of the result, when it is not that of the elements. */
  result?(dtype: DType): DType;
}

const FLOATS: readonly DType[] = ["f32", "f16"];
const ALL: readonly DType[] = ["f32", "f16", "i32", "u32", "bool"];

/** Floats accumulate in f32; bool counts as i32. */
const arithmetic = (dtype: DType): string => (isFloat(dtype) ? "f32" : dtype === "bool" ? "i32" : dtype);
const countBool = (dtype: DType): DType => (dtype === "bool" ? "i32" : dtype);
const storedOrF32 = (dtype: DType): string => (isFloat(dtype) ? "f32" : storageType(dtype));

/** Adapters may drop a NaN in max() and min(); its exponent bits tell it, and the sum lets it through. */
/* @__NO_SIDE_EFFECTS__ */ const extremum = (name: "max" | "min") => (dtype: DType) =>
  isFloat(dtype)
    ? `return select(${name}(a, b), a + b, max(bitcast<u32>(a) & 0x7fffffffu, bitcast<u32>(b) & 0x7fffffffu) > 0x7f800000u);`
    : `return ${name}(a, b);`;

/** 1 for what is not ±0, NaN included. */
const isNonzero = (dtype: DType): string =>
  isFloat(dtype) ? "return A((bitcast<u32>(f32(v)) << 1u) != 0u);" : "return A(v != X(0));";

/** A NaN is the greatest of all, and first of equals wins, whatever the order of the chunks. */
/* @__NO_SIDE_EFFECTS__ */ const argument = (name: string, key: string): Reduction => ({
  name,
  types: ALL,
  findsPlace: true,
  accumulator: () => "vec2<u32>",
  prepare: (dtype) => `${ORDER_KEYS[storageType(dtype)]} return A(${key}, index);`,
  combine: () => "return select(a, b, b.x > a.x || (b.x == a.x && b.y < a.y));",
  finish: "return Y(a.y);",
  result: () => "i32",
});

/**
 * (count, anchor, mean − anchor, sum of squared deviations), merged as in Chan, Golub and LeVeque, "Updating formulae and
 * a pairwise algorithm for computing sample variances" (1979). Means are kept relative to a nearby element, so that
 * no digits are lost when they are large beside the deviations. What is not finite makes the deviations NaN.
 */
/* @__NO_SIDE_EFFECTS__ */ const moments = (name: string, finish: string): Reduction => ({
  name,
  types: FLOATS,
  empty: Number.NaN,
  accumulator: () => "vec4<f32>",
  prepare: () =>
    "let m = bitcast<u32>(f32(v)) & 0x7fffffffu; return A(1.0, f32(v), 0.0, select(0.0, bitcast<f32>(m | 0x400000u), m >= 0x7f800000u));",
  combine: () =>
    "let n = a.x + b.x; let d = (b.y - a.y) + (b.z - a.z); let w = d * (b.x / n); return A(n, a.y, a.z + w, (a.w + b.w) + (d - w) * d * b.x);",
  finish,
});

const absolute = () => "return abs(A(v));";

// `params.a` and `params.b` are numbers of the call.

export const sum: Reduction = { name: "sum", types: ALL, empty: 0, accumulator: arithmetic, result: countBool };
export const mean: Reduction = {
  name: "mean",
  types: FLOATS,
  empty: Number.NaN,
  accumulator: arithmetic,
  finish: "return Y(a / params.a);",
};
export const prod: Reduction = {
  name: "prod",
  types: ALL,
  empty: 1,
  accumulator: arithmetic,
  combine: () => "return a * b;",
  result: countBool,
};
export const max: Reduction = { name: "max", types: ALL, accumulator: storedOrF32, combine: extremum("max") };
export const min: Reduction = { name: "min", types: ALL, accumulator: storedOrF32, combine: extremum("min") };
export const any: Reduction = {
  name: "any",
  types: ALL,
  empty: 0,
  accumulator: () => "u32",
  prepare: isNonzero,
  combine: () => "return a | b;",
  result: () => "bool",
};
export const all: Reduction = {
  name: "all",
  types: ALL,
  empty: 1,
  accumulator: () => "u32",
  prepare: isNonzero,
  combine: () => "return a & b;",
  result: () => "bool",
};
export const argmax = argument("argmax", "key");
export const argmin = argument("argmin", "select(~key, key, key == 0xffffffffu)");
export const variance = moments("variance", "return Y(a.w / params.a);");
export const std = moments("std", "return Y(sqrt(a.w / params.a));");
// (maximum, Σ exp(x − maximum)): equal maxima, infinite ones too, count 1.
export const logsumexp: Reduction = {
  name: "logsumexp",
  types: FLOATS,
  // By a division: bundlers take a property of Number for one that might do something, and would always keep this.
  empty: -1 / 0,
  accumulator: () => "vec2<f32>",
  prepare: () => "return A(f32(v), 1.0);",
  combine: () =>
    "let isLater = b.x > a.x; let high = select(a, b, isLater); let low = select(b, a, isLater); let isNaN = max(bitcast<u32>(a.x) & 0x7fffffffu, bitcast<u32>(b.x) & 0x7fffffffu) > 0x7f800000u; return A(select(high.x, a.x + b.x, isNaN), high.y + low.y * select(exponential(vec4(low.x - high.x)).x, 1.0, low.x == high.x));",
  finish: "return Y(a.x + logarithm(vec4(a.y)).x);",
  uses: [EXPONENTIAL, LOGARITHM],
};
export const sumOfSquares: Reduction = {
  name: "sumOfSquares",
  types: ["f32"],
  empty: 0,
  accumulator: arithmetic,
  prepare: () => "return A(v) * A(v);",
};
export const countNonzero: Reduction = {
  name: "countNonzero",
  types: FLOATS,
  empty: 0,
  accumulator: arithmetic,
  prepare: isNonzero,
};
export const sumOfMagnitudes: Reduction = {
  name: "sumOfMagnitudes",
  types: FLOATS,
  empty: 0,
  accumulator: arithmetic,
  prepare: absolute,
};
export const norm: Reduction = {
  name: "norm",
  types: FLOATS,
  empty: 0,
  accumulator: arithmetic,
  prepare: () => "return A(v) * A(v);",
  finish: "return Y(sqrt(a));",
};
export const powerNorm: Reduction = {
  name: "powerNorm",
  types: FLOATS,
  empty: 0,
  accumulator: arithmetic,
  prepare: () => "return power(vec4(abs(A(v))), vec4(params.a)).x;",
  finish: "return Y(power(vec4(a), vec4(params.b)).x);",
  uses: [POWER],
};
export const maxMagnitude: Reduction = {
  name: "maxMagnitude",
  types: FLOATS,
  accumulator: arithmetic,
  prepare: absolute,
  combine: extremum("max"),
};
export const minMagnitude: Reduction = {
  name: "minMagnitude",
  types: FLOATS,
  accumulator: arithmetic,
  prepare: absolute,
  combine: extremum("min"),
};
