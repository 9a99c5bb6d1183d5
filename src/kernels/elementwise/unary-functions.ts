import {
  EXPONENTIAL,
  EXTREMA,
  FLOAT,
  GAUSSIAN,
  LOGARITHM,
  LOGARITHM_OF_ONE_PLUS,
  RECIPROCAL,
  ROUNDING,
  TRIGONOMETRIC,
} from "../library.ts";
import { type ElementFunction, forNumbers } from "./element-function.ts";

// Functions of one operand `v`; `first()` and `second()` are numbers of the call. Each is an export of its own, so that
// bundlers leave out those that a program does not use, with the library files they call.

/** An integer rounds to itself. */
const WHOLE = "return v;";

/** Every integer is finite, and none is NaN. */
const NEVER = "return vec4<u32>(0u);";
const ALWAYS = "return vec4<u32>(1u);";

export const affine: ElementFunction = { name: "affine", f32: "return v * first() + second();" };
export const neg: ElementFunction = {
  name: "neg",
  f32: "return negative(v);",
  i32: "return -v;",
  u32: "return vec4<u32>(0u) - v;",
  uses: [FLOAT],
};
export const abs: ElementFunction = {
  name: "abs",
  f32: "return absolute(v);",
  i32: "return abs(v);",
  u32: "return v;",
  uses: [FLOAT],
};
export const sign: ElementFunction = {
  name: "sign",
  // Of NaN it is 0, as in PyTorch.
  f32: "return select(copySign(select(vec4(1.0), vec4(0.0), magnitudeBits(v) == vec4(0u)), v), vec4(0.0), isNotANumber(v));",
  i32: "return sign(v);",
  u32: "return min(v, vec4(1u));",
  uses: [FLOAT],
};
export const square = forNumbers("square", "return v * v;");
export const reciprocal: ElementFunction = { name: "reciprocal", f32: "return reciprocal(v);", uses: [RECIPROCAL] };
export const sqrt: ElementFunction = { name: "sqrt", f32: "return squareRoot(v);", uses: [FLOAT] };
export const rsqrt: ElementFunction = { name: "rsqrt", f32: "return reciprocalSquareRoot(v);", uses: [FLOAT] };
export const exp: ElementFunction = { name: "exp", f32: "return exponential(v);", uses: [EXPONENTIAL] };
export const expm1: ElementFunction = { name: "expm1", f32: "return exponentialMinusOne(v);", uses: [EXPONENTIAL] };
export const log: ElementFunction = { name: "log", f32: "return logarithm(v);", uses: [LOGARITHM] };
export const log1p: ElementFunction = {
  name: "log1p",
  f32: "return logarithmOfOnePlus(v);",
  uses: [LOGARITHM_OF_ONE_PLUS],
};
export const sin: ElementFunction = { name: "sin", f32: "return sine(v);", uses: [TRIGONOMETRIC] };
export const cos: ElementFunction = { name: "cos", f32: "return cosine(v);", uses: [TRIGONOMETRIC] };
export const tanh: ElementFunction = { name: "tanh", f32: "return hyperbolicTangent(v);", uses: [EXPONENTIAL] };
export const sigmoid: ElementFunction = { name: "sigmoid", f32: "return sigmoid(v);", uses: [EXPONENTIAL] };
export const erf: ElementFunction = { name: "erf", f32: "return errorFunction(v);", uses: [GAUSSIAN] };
export const silu: ElementFunction = { name: "silu", f32: "return v * sigmoid(v);", uses: [EXPONENTIAL] };
export const gelu: ElementFunction = { name: "gelu", f32: "return geluOf(v);", uses: [GAUSSIAN] };
export const geluTanh: ElementFunction = { name: "geluTanh", f32: "return geluTanhOf(v);", uses: [GAUSSIAN] };
// first() is the slope below 0.
export const leakyRelu: ElementFunction = {
  name: "leakyRelu",
  f32: "return select(v, first() * v, isSigned(v));",
  uses: [FLOAT],
};
// first() is α.
export const elu: ElementFunction = {
  name: "elu",
  f32: "return select(v, first() * exponentialMinusOne(v), isSigned(v));",
  uses: [EXPONENTIAL],
};
// first() is β, second() the threshold.
export const softplus: ElementFunction = {
  name: "softplus",
  f32: "let z = first() * v; let y = larger(z, vec4(0.0)) + logarithmOfOnePlus(exponential(-absolute(z))); return select(y / first(), v, z > second());",
  uses: [EXPONENTIAL, LOGARITHM_OF_ONE_PLUS, EXTREMA],
};
export const relu: ElementFunction = {
  name: "relu",
  f32: "return select(v, vec4(0.0), isSigned(v) & !isNotANumber(v));",
  i32: "return max(v, vec4(0));",
  u32: "return v;",
  uses: [FLOAT],
};
export const floor: ElementFunction = {
  name: "floor",
  f32: "return copySign(floor(roundable(v)), v);",
  i32: WHOLE,
  u32: WHOLE,
  uses: [ROUNDING],
};
export const ceil: ElementFunction = {
  name: "ceil",
  f32: "return copySign(ceil(roundable(v)), v);",
  i32: WHOLE,
  u32: WHOLE,
  uses: [ROUNDING],
};
export const round: ElementFunction = {
  name: "round",
  f32: "return copySign(round(roundable(v)), v);",
  i32: WHOLE,
  u32: WHOLE,
  uses: [ROUNDING],
};
export const clamp: ElementFunction = {
  name: "clamp",
  f32: "return smaller(larger(v, first()), second());",
  i32: "return min(max(v, first()), second());",
  u32: "return min(max(v, first()), second());",
  uses: [EXTREMA],
};
export const isNotANumber: ElementFunction = {
  name: "isNaN",
  f32: "return vec4<u32>(isNotANumber(v));",
  i32: NEVER,
  u32: NEVER,
  bool: NEVER,
  uses: [FLOAT],
  isTest: true,
};
export const isInfiniteNumber: ElementFunction = {
  name: "isInfinite",
  f32: "return vec4<u32>(isInfinite(v));",
  i32: NEVER,
  u32: NEVER,
  bool: NEVER,
  uses: [FLOAT],
  isTest: true,
};
export const isFiniteNumber: ElementFunction = {
  name: "isFinite",
  f32: "return vec4<u32>(magnitudeBits(v) < vec4(INFINITY_BITS));",
  i32: ALWAYS,
  u32: ALWAYS,
  bool: ALWAYS,
  uses: [FLOAT],
  isTest: true,
};
export const logicalNot: ElementFunction = {
  name: "logicalNot",
  f32: "return vec4<u32>(magnitudeBits(v) == vec4(0u));",
  i32: "return vec4<u32>(v == vec4(0));",
  u32: "return vec4<u32>(v == vec4(0u));",
  bool: "return vec4<u32>(v == vec4(0u));",
  uses: [FLOAT],
  isTest: true,
};
