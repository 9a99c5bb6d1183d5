import * as UNARY from "../../../kernels/elementwise/unary-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { add, div, mul } from "./arithmetic.ts";
import { defineUnary } from "./define-unary.ts";

/** y = eˣ. */
export const expOp = defineUnary({ fn: UNARY.exp, saves: "output", vjp: (g, y) => mul(g, y) });
/** y = eˣ − 1. */
export const expm1Op = defineUnary({
  fn: UNARY.expm1,
  saves: "output",
  vjp: (g, y) => mul(g, add(y, 1)),
});
/** y = ln x. */
export const logOp = defineUnary({ fn: UNARY.log, saves: "input", vjp: (g, x) => div(g, x) });
/** y = ln(1 + x). */
export const log1pOp = defineUnary({
  fn: UNARY.log1p,
  saves: "input",
  vjp: (g, x) => div(g, add(x, 1)),
});

/** y = eˣ. */
export const exp = (x: Tensor): Tensor => expOp([x], {});
/** y = eˣ − 1, exact near 0 as well. */
export const expm1 = (x: Tensor): Tensor => expm1Op([x], {});
/** y = ln x; −∞ at 0, NaN below. */
export const log = (x: Tensor): Tensor => logOp([x], {});
/** y = ln(1 + x), exact near 0 as well; −∞ at −1, NaN below. */
export const log1p = (x: Tensor): Tensor => log1pOp([x], {});
