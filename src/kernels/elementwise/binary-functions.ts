import type { ElementFunction } from "./element-function.ts";

/** A comparison of floats by their order, false when one is NaN; of integers by WGSL's operator. */
/* @__NO_SIDE_EFFECTS__ */ const comparison = (operator: string): ElementFunction => {
  const plain = `return vec4<u32>(a ${operator} b);`;
  const f32 = `return vec4<u32>(areOrdered(a, b) & (orderOf(a) ${operator} orderOf(b)));`;
  return { f32, i32: plain, u32: plain, bool: plain, uses: ["float"], isTest: true };
};

/** A test of whether the operands are other than 0; NaN is. */
/* @__NO_SIDE_EFFECTS__ */ const logical = (operator: string): ElementFunction => {
  const f32 = `return vec4<u32>((magnitudeBits(a) != vec4(0u)) ${operator} (magnitudeBits(b) != vec4(0u)));`;
  const whole = `return vec4<u32>((a != vec4<C>(0)) ${operator} (b != vec4<C>(0)));`;
  return { f32, i32: whole, u32: whole, bool: whole, uses: ["float"], isTest: true };
};

/** Functions of two operands `a` and `b`; `first()` and `second()` are numbers of the call. */
export const BINARY = {
  add: { f32: "return a + b;", i32: "return a + b;", u32: "return a + b;", bool: "return a | b;" },
  sub: { f32: "return a - b;", i32: "return a - b;", u32: "return a - b;" },
  mul: { f32: "return a * b;", i32: "return a * b;", u32: "return a * b;", bool: "return a & b;" },
  div: { f32: "return a / b;", i32: "return a / b;", u32: "return a / b;" },
  pow: {
    f32: "return power(a, b);",
    i32: "return wholePower(a, b);",
    u32: "return wholePowerUnsigned(a, b);",
    uses: ["power"],
    wholeUses: ["wholePower"],
  },
  maximum: {
    f32: "return larger(a, b);",
    i32: "return max(a, b);",
    u32: "return max(a, b);",
    bool: "return a | b;",
    uses: ["float"],
  },
  minimum: {
    f32: "return smaller(a, b);",
    i32: "return min(a, b);",
    u32: "return min(a, b);",
    bool: "return a & b;",
    uses: ["float"],
  },
  equal: comparison("=="),
  notEqual: {
    ...comparison("!="),
    f32: "return vec4<u32>(!areOrdered(a, b) | (orderOf(a) != orderOf(b)));",
  },
  less: comparison("<"),
  lessEqual: comparison("<="),
  greater: comparison(">"),
  greaterEqual: comparison(">="),
  logicalAnd: logical("&"),
  logicalOr: logical("|"),
  logicalXor: logical("!="),
  // Gradients: a is the incoming gradient, b the input or, where it is said, the output.
  reluBackward: { f32: "return select(a, vec4(0.0), (orderOf(b) <= vec4(0)) & !isNotANumber(b));", uses: ["float"] },
  clampBackward: {
    f32: "let n = orderOf(b); return select(vec4(0.0), a, (n >= orderOf(first())) & (n <= orderOf(second())) & !isNotANumber(b));",
    uses: ["float"],
  },
  // b is the output.
  tanhBackward: { f32: "return a * ((1.0 - b) * (1.0 + b));" },
  sigmoidBackward: { f32: "return a * (b * (1.0 - b));" },
  erfBackward: {
    f32: "return a * select(1.12837917 * exponentialOfSquare(b, -1.0), b, isNotANumber(b));",
    uses: ["gaussian"],
  },
  siluBackward: {
    f32: "let e = exponential(-absolute(b)); return a * (sigmoidFrom(e, b) + b * (e / ((1.0 + e) * (1.0 + e))));",
    uses: ["exponential"],
  },
  geluBackward: { f32: "return a * geluSlope(b);", uses: ["gaussian"] },
  geluTanhBackward: { f32: "return a * geluTanhSlope(b);", uses: ["gaussian"] },
  leakyReluBackward: {
    f32: "return select(first() * a, a, (orderOf(b) > vec4(0)) & !isNotANumber(b));",
    uses: ["float"],
  },
  eluBackward: {
    f32: "return select(a, a * (first() * exponential(b)), (orderOf(b) <= vec4(0)) & !isNotANumber(b));",
    uses: ["exponential"],
  },
  softplusBackward: {
    f32: "let z = first() * b; return select(a * sigmoid(z), a, z > second());",
    uses: ["exponential"],
  },
} as const satisfies Record<string, ElementFunction>;

export type BinaryName = keyof typeof BINARY;
