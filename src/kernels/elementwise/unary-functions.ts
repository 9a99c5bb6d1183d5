import { type ElementFunction, forNumbers } from "./element-function.ts";

/** An integer rounds to itself. */
const whole = { i32: "return v;", u32: "return v;" };

/** Every integer is finite, and none is NaN. */
const never = { i32: "return vec4<u32>(0u);", u32: "return vec4<u32>(0u);", bool: "return vec4<u32>(0u);" };
const always = { i32: "return vec4<u32>(1u);", u32: "return vec4<u32>(1u);", bool: "return vec4<u32>(1u);" };

/** Functions of one operand `v`; `first()` and `second()` are numbers of the call. */
export const UNARY = {
  affine: { f32: "return v * first() + second();" },
  neg: { f32: "return negative(v);", i32: "return -v;", u32: "return vec4<u32>(0u) - v;", uses: ["float"] },
  abs: { f32: "return absolute(v);", i32: "return abs(v);", u32: "return v;", uses: ["float"] },
  sign: {
    // Of NaN it is 0, as in PyTorch.
    f32: "return select(copySign(select(vec4(1.0), vec4(0.0), magnitudeBits(v) == vec4(0u)), v), vec4(0.0), isNotANumber(v));",
    i32: "return sign(v);",
    u32: "return min(v, vec4(1u));",
    uses: ["float"],
  },
  square: forNumbers("return v * v;"),
  reciprocal: { f32: "return 1.0 / v;" },
  sqrt: { f32: "return sqrt(v);" },
  rsqrt: { f32: "return 1.0 / sqrt(v);" },
  exp: { f32: "return exponential(v);", uses: ["exponential"] },
  expm1: { f32: "return exponentialMinusOne(v);", uses: ["exponential"] },
  log: { f32: "return logarithm(v);", uses: ["logarithm"] },
  log1p: { f32: "return logarithmOfOnePlus(v);", uses: ["logarithm"] },
  tanh: { f32: "return hyperbolicTangent(v);", uses: ["exponential"] },
  sigmoid: { f32: "return sigmoidOf(v);", uses: ["exponential"] },
  // x · sigmoid(2u) = 0.5 x (1 + tanh u), u = sqrt(2/π) (x + 0.044715 x³); exact where WGSL's tanh is loose.
  geluTanh: { f32: "return v / (1.0 + exp(-1.5957691216057308 * (v + 0.044715 * v * v * v)));" },
  relu: {
    f32: "return select(v, vec4(0.0), isSigned(v) & !isNotANumber(v));",
    i32: "return max(v, vec4(0));",
    u32: "return v;",
    uses: ["float"],
  },
  floor: { f32: "return copySign(floor(v), v);", ...whole, uses: ["float"] },
  ceil: { f32: "return copySign(ceil(v), v);", ...whole, uses: ["float"] },
  round: { f32: "return copySign(round(v), v);", ...whole, uses: ["float"] },
  clamp: {
    f32: "return smaller(larger(v, first()), second());",
    i32: "return min(max(v, first()), second());",
    u32: "return min(max(v, first()), second());",
    uses: ["float"],
  },
  isNaN: { f32: "return vec4<u32>(isNotANumber(v));", ...never, uses: ["float"], isTest: true },
  isInfinite: { f32: "return vec4<u32>(isInfinite(v));", ...never, uses: ["float"], isTest: true },
  isFinite: {
    f32: "return vec4<u32>(magnitudeBits(v) < vec4(INFINITY_BITS));",
    ...always,
    uses: ["float"],
    isTest: true,
  },
  logicalNot: {
    f32: "return vec4<u32>(magnitudeBits(v) == vec4(0u));",
    i32: "return vec4<u32>(v == vec4(0));",
    u32: "return vec4<u32>(v == vec4(0u));",
    bool: "return vec4<u32>(v == vec4(0u));",
    uses: ["float"],
    isTest: true,
  },
} as const satisfies Record<string, ElementFunction>;

export type UnaryName = keyof typeof UNARY;
