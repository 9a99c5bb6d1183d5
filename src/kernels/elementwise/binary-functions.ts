import { joined } from "../../gpu/index.ts";
import { EXPONENTIAL, EXTREMA, FLOAT, GAUSSIAN, POWER, WHOLE_POWER } from "../library.ts";
import type { ElementFunction } from "./element-function.ts";

// Functions of two operands `a` and `b`; `first()` and `second()` are numbers of the call. Each is an export of its own, so
// that bundlers leave out those that a program does not use, with the library files they call.

/** A comparison of floats by their order, false when one is NaN; of integers by WGSL's operator. */
/* @__NO_SIDE_EFFECTS__ */ const comparison = (name: string, operator: string): ElementFunction => {
  const plain = `return vec4<u32>(a ${operator} b);`;
  const f32 = `return vec4<u32>(areOrdered(a, b) & (orderOf(a) ${operator} orderOf(b)));`;
  return { name, f32, i32: plain, u32: plain, bool: plain, uses: [FLOAT], isTest: true };
};

/** A test of whether the operands are other than 0; NaN is. */
/* @__NO_SIDE_EFFECTS__ */ const logical = (name: string, operator: string): ElementFunction => {
  const f32 = `return vec4<u32>((magnitudeBits(a) != vec4(0u)) ${operator} (magnitudeBits(b) != vec4(0u)));`;
  const whole = `return vec4<u32>((a != vec4<C>(0)) ${operator} (b != vec4<C>(0)));`;
  return { name, f32, i32: whole, u32: whole, bool: whole, uses: [FLOAT], isTest: true };
};

export const add: ElementFunction = {
  name: "add",
  f32: "return a + b;",
  i32: "return a + b;",
  u32: "return a + b;",
  bool: "return a | b;",
};
export const sub: ElementFunction = { name: "sub", f32: "return a - b;", i32: "return a - b;", u32: "return a - b;" };
export const mul: ElementFunction = {
  name: "mul",
  f32: "return a * b;",
  i32: "return a * b;",
  u32: "return a * b;",
  bool: "return a & b;",
};
export const div: ElementFunction = { name: "div", f32: "return a / b;", i32: "return a / b;", u32: "return a / b;" };
export const pow: ElementFunction = {
  name: "pow",
  f32: "return power(a, b);",
  i32: "return wholePower(a, b);",
  u32: "return wholePowerUnsigned(a, b);",
  uses: [POWER],
  wholeUses: [WHOLE_POWER],
};
export const maximum: ElementFunction = {
  name: "maximum",
  f32: "return larger(a, b);",
  i32: "return max(a, b);",
  u32: "return max(a, b);",
  bool: "return a | b;",
  uses: [EXTREMA],
};
export const minimum: ElementFunction = {
  name: "minimum",
  f32: "return smaller(a, b);",
  i32: "return min(a, b);",
  u32: "return min(a, b);",
  bool: "return a & b;",
  uses: [EXTREMA],
};
export const equal = comparison("equal", "==");
export const notEqual: ElementFunction = joined(comparison("notEqual", "!="), {
  f32: "return vec4<u32>(!areOrdered(a, b) | (orderOf(a) != orderOf(b)));",
});
export const less = comparison("less", "<");
export const lessEqual = comparison("lessEqual", "<=");
export const greater = comparison("greater", ">");
export const greaterEqual = comparison("greaterEqual", ">=");
export const logicalAnd = logical("logicalAnd", "&");
export const logicalOr = logical("logicalOr", "|");
export const logicalXor = logical("logicalXor", "!=");
export const squaredError: ElementFunction = { name: "squaredError", f32: "let d = a - b; return d * d;" };
// Gradients: a is the incoming gradient, b the input or, where it is said, the output.
export const reluBackward: ElementFunction = {
  name: "reluBackward",
  f32: "return select(a, vec4(0.0), (orderOf(b) <= vec4(0)) & !isNotANumber(b));",
  uses: [FLOAT],
};
export const clampBackward: ElementFunction = {
  name: "clampBackward",
  f32: "let n = orderOf(b); return select(vec4(0.0), a, (n >= orderOf(first())) & (n <= orderOf(second())) & !isNotANumber(b));",
  uses: [FLOAT],
};
// b is the output.
export const tanhBackward: ElementFunction = { name: "tanhBackward", f32: "return a * ((1.0 - b) * (1.0 + b));" };
export const sigmoidBackward: ElementFunction = { name: "sigmoidBackward", f32: "return a * (b * (1.0 - b));" };
export const erfBackward: ElementFunction = {
  name: "erfBackward",
  f32: "return a * select(1.12837917 * exponentialOfSquare(b, -1.0), b, isNotANumber(b));",
  uses: [GAUSSIAN],
};
export const siluBackward: ElementFunction = {
  name: "siluBackward",
  f32: "let e = exponential(-absolute(b)); return a * (sigmoidFrom(e, b) + b * (e / ((1.0 + e) * (1.0 + e))));",
  uses: [EXPONENTIAL],
};
export const geluBackward: ElementFunction = {
  name: "geluBackward",
  f32: "return a * geluSlope(b);",
  uses: [GAUSSIAN],
};
export const geluTanhBackward: ElementFunction = {
  name: "geluTanhBackward",
  f32: "return a * geluTanhSlope(b);",
  uses: [GAUSSIAN],
};
export const leakyReluBackward: ElementFunction = {
  name: "leakyReluBackward",
  f32: "return select(first() * a, a, (orderOf(b) > vec4(0)) & !isNotANumber(b));",
  uses: [FLOAT],
};
export const eluBackward: ElementFunction = {
  name: "eluBackward",
  f32: "return select(a, a * (first() * exponential(b)), (orderOf(b) <= vec4(0)) & !isNotANumber(b));",
  uses: [EXPONENTIAL],
};
export const softplusBackward: ElementFunction = {
  name: "softplusBackward",
  f32: "let z = first() * b; return select(a * sigmoid(z), a, z > second());",
  uses: [EXPONENTIAL],
};
