import * as UNARY from "../../../kernels/elementwise/unary-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { div, mul, neg } from "./arithmetic.ts";
import { defineUnary, noGradient } from "./define-unary.ts";

/** y = |x|. */
export const absOp = defineUnary({
  fn: UNARY.abs,
  saves: "input",
  vjp: (g, x) => mul(g, sign(x)),
});
/** y = −1, 0 or 1. */
export const signOp = defineUnary({
  fn: UNARY.sign,
  vjp: (g, _x, createGraph) => noGradient(g, createGraph),
});
/** y = x². */
export const squareOp = defineUnary({
  fn: UNARY.square,
  saves: "input",
  vjp: (g, x) => mul(mul(g, 2), x),
});
/** y = √x. */
export const sqrtOp = defineUnary({
  fn: UNARY.sqrt,
  saves: "output",
  vjp: (g, y) => div(mul(g, 0.5), y),
});
/** y = 1 / √x. */
export const rsqrtOp = defineUnary({
  fn: UNARY.rsqrt,
  saves: "output",
  vjp: (g, y) => mul(mul(g, -0.5), mul(y, mul(y, y))),
});
/** y = 1 / x. */
export const reciprocalOp = defineUnary({
  fn: UNARY.reciprocal,
  saves: "output",
  vjp: (g, y) => neg(mul(g, mul(y, y))),
});

/** y = |x|; the gradient at 0 is 0. */
export const abs = (x: Tensor): Tensor => absOp([x], {});
/** y = −1, 0 or 1 with the sign of x; 0 for NaN, as in PyTorch. The gradient is 0. */
export const sign = (x: Tensor): Tensor => signOp([x], {});
/** y = x². */
export const square = (x: Tensor): Tensor => squareOp([x], {});
/** y = √x; NaN below 0. */
export const sqrt = (x: Tensor): Tensor => sqrtOp([x], {});
/** y = 1 / √x; NaN below 0, infinite at 0. */
export const rsqrt = (x: Tensor): Tensor => rsqrtOp([x], {});
/** y = 1 / x. */
export const reciprocal = (x: Tensor): Tensor => reciprocalOp([x], {});
