import type { DType } from "../../src/tensor/index.ts";
import { at, generate, type NdArray, type Reference } from "./nd-array.ts";
import * as special from "./special-functions.ts";

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

interface NumberOperand {
  left?: number;
  right?: number;
}

const eachPair =
  (apply: (a: number, b: number) => number): Reference<NumberOperand> =>
  ([a, b], { left, right }) => {
    if (left !== undefined) return { shape: a.shape, data: a.data.map((value) => apply(left, value)) };
    if (right !== undefined) return { shape: a.shape, data: a.data.map((value) => apply(value, right)) };
    return generate(commonShape(a, b), (index) => apply(at(a, index), at(b, index)));
  };

export const add = eachPair((a, b) => a + b);
export const sub = eachPair((a, b) => a - b);
export const mul = eachPair((a, b) => a * b);
export const div = eachPair((a, b) => a / b);
export const equal = eachPair((a, b) => Number(a === b));
export const notEqual = eachPair((a, b) => Number(a !== b));
export const less = eachPair((a, b) => Number(a < b));
export const lessEqual = eachPair((a, b) => Number(a <= b));
export const greater = eachPair((a, b) => Number(a > b));
export const greaterEqual = eachPair((a, b) => Number(a >= b));
/** C99's pow, in which 1 to any power is 1. */
export const pow = eachPair((a, b) => (a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b));
export const maximum = eachPair(Math.max);
export const minimum = eachPair(Math.min);

const truth = (x: number): boolean => x !== 0;
export const logicalAnd = eachPair((a, b) => Number(truth(a) && truth(b)));
export const logicalOr = eachPair((a, b) => Number(truth(a) || truth(b)));
export const logicalXor = eachPair((a, b) => Number(truth(a) !== truth(b)));

export const where: Reference<{ a?: number; b?: number }> = ([condition, ...operands], attributes) => {
  const constant = (value: number): NdArray => ({ shape: [], data: Float64Array.of(value) });
  const a = attributes.a === undefined ? operands.shift()! : constant(attributes.a);
  const b = attributes.b === undefined ? operands.shift()! : constant(attributes.b);
  const shape = commonShape({ shape: commonShape(condition, a), data: a.data }, b);
  return generate(shape, (index) => (at(condition, index) !== 0 ? at(a, index) : at(b, index)));
};

export const affine: Reference<{ scale: number; shift: number }> = ([x], { scale, shift }) => ({
  shape: x.shape,
  data: x.data.map((value) => scale * value + shift),
});

/** To the nearest integer, of two the even one. */
function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

export const clamp: Reference<{ minimum: number | null; maximum: number | null }> = (
  [x],
  { minimum: low, maximum: high },
) => ({
  shape: x.shape,
  data: x.data.map((value) => {
    const raised = low === null ? value : Math.max(value, low);
    return high === null ? raised : Math.min(raised, high);
  }),
});

export const neg = each((x) => -x);
export const abs = each(Math.abs);
export const sign = each(Math.sign);
export const floor = each(Math.floor);
export const ceil = each(Math.ceil);
export const round = each(roundHalfToEven);
export const relu = each((x) => Math.max(x, 0));
export const sigmoid = each((x) => 1 / (1 + Math.exp(-x)));
export const logicalNot = each((x) => Number(x === 0));
const testNaN = each((x) => Number(Number.isNaN(x)));
const testFinite = each((x) => Number(Number.isFinite(x)));

export { testFinite as isFinite, testNaN as isNaN };
export const isInfinite = each((x) => Number(Math.abs(x) === Number.POSITIVE_INFINITY));
export const expm1 = each(Math.expm1);
export const log1p = each(Math.log1p);
export const exp = each(Math.exp);
export const log = each(Math.log);
export const sqrt = each(Math.sqrt);
export const rsqrt = each((x) => 1 / Math.sqrt(x));
export const square = each((x) => x * x);
export const reciprocal = each((x) => 1 / x);
export const tanh = each(Math.tanh);
export const sin = each(Math.sin);
export const cos = each(Math.cos);
export const erf = each(special.erf);

const eachWith =
  <Attributes>(apply: (x: number, attributes: Attributes) => number): Reference<Attributes> =>
  ([x], attributes) => ({ shape: x.shape, data: x.data.map((value) => apply(value, attributes)) });

export const leakyRelu = eachWith<{ slope: number }>((x, { slope }) => (x > 0 ? x : slope * x));
export const elu = eachWith<{ alpha: number }>((x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)));
export const silu = each((x) => x / (1 + Math.exp(-x)));
export const softplus = eachWith<{ beta: number; threshold: number }>((x, { beta, threshold }) =>
  beta * x > threshold ? x : Math.log1p(Math.exp(beta * x)) / beta,
);
// ½(1 + tanh u) = 1 / (1 + e^(−2u)) keeps its digits for negative u.
const geluTanh = (x: number): number => x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
export const gelu = eachWith<{ approximate: "none" | "tanh" }>((x, { approximate }) =>
  approximate === "tanh" ? geluTanh(x) : x * special.normalDistribution(x),
);

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
