import type { ElementFunction } from "./element-function.ts";

/** A comparison of floats by their order, false when one is NaN; of integers by WGSL's operator. */
const comparison = (operator: string): ElementFunction => {
  const plain = `return vec4<u32>(a ${operator} b);`;
  const f32 = `return vec4<u32>(areOrdered(a, b) & (orderOf(a) ${operator} orderOf(b)));`;
  return { f32, i32: plain, u32: plain, bool: plain, uses: ["float"], isTest: true };
};

/** A test of whether the operands are other than 0; NaN is. */
const logical = (operator: string): ElementFunction => {
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
  reluBackward: { f32: "return select(a, vec4(0.0), orderOf(b) <= vec4(0));", uses: ["float"] },
  clampBackward: {
    f32: "let n = orderOf(b); return select(vec4(0.0), a, (n >= orderOf(first())) & (n <= orderOf(second())) & !isNotANumber(b));",
    uses: ["float"],
  },
  // b is the output.
  tanhBackward: { f32: "return a * (1.0 - b * b);" },
  sigmoidBackward: { f32: "return a * (b * (1.0 - b));" },
  // Gradient of gelu: a is the incoming gradient, b the input.
  geluTanhBackward: {
    f32: "let s = 1.0 / (1.0 + exp(-1.5957691216057308 * (b + 0.044715 * b * b * b))); return a * s * (1.0 + b * (1.0 - s) * 1.5957691216057308 * (1.0 + 0.134145 * b * b));",
  },
} as const satisfies Record<string, ElementFunction>;

export type BinaryName = keyof typeof BINARY;
