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
  reciprocal: { f32: "return reciprocal(v);", uses: ["float"] },
  sqrt: { f32: "return squareRoot(v);", uses: ["float"] },
  rsqrt: { f32: "return reciprocalSquareRoot(v);", uses: ["float"] },
  exp: { f32: "return exponential(v);", uses: ["exponential"] },
  expm1: { f32: "return exponentialMinusOne(v);", uses: ["exponential"] },
  log: { f32: "return logarithm(v);", uses: ["logarithm"] },
  log1p: { f32: "return logarithmOfOnePlus(v);", uses: ["logarithm"] },
  sin: { f32: "return sine(v);", uses: ["trigonometric"] },
  cos: { f32: "return cosine(v);", uses: ["trigonometric"] },
  tanh: { f32: "return hyperbolicTangent(v);", uses: ["exponential"] },
  sigmoid: { f32: "return sigmoid(v);", uses: ["exponential"] },
  erf: { f32: "return errorFunction(v);", uses: ["gaussian"] },
  silu: { f32: "return v * sigmoid(v);", uses: ["exponential"] },
  gelu: { f32: "return geluOf(v);", uses: ["gaussian"] },
  geluTanh: { f32: "return geluTanhOf(v);", uses: ["gaussian"] },
  // first() is the slope below 0.
  leakyRelu: { f32: "return select(v, first() * v, isSigned(v));", uses: ["float"] },
  // first() is α.
  elu: { f32: "return select(v, first() * exponentialMinusOne(v), isSigned(v));", uses: ["exponential"] },
  // first() is β, second() the threshold.
  softplus: {
    f32: "let z = first() * v; let y = larger(z, vec4(0.0)) + logarithmOfOnePlus(exponential(-absolute(z))); return select(y / first(), v, z > second());",
    uses: ["exponential", "logarithm"],
  },
  relu: {
    f32: "return select(v, vec4(0.0), isSigned(v) & !isNotANumber(v));",
    i32: "return max(v, vec4(0));",
    u32: "return v;",
    uses: ["float"],
  },
  floor: { f32: "return copySign(floor(roundable(v)), v);", ...whole, uses: ["float"] },
  ceil: { f32: "return copySign(ceil(roundable(v)), v);", ...whole, uses: ["float"] },
  round: { f32: "return copySign(round(roundable(v)), v);", ...whole, uses: ["float"] },
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
