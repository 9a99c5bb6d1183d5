import * as UNARY from "../../../kernels/elementwise/unary-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { mul, neg } from "./arithmetic.ts";
import { defineUnary } from "./define-unary.ts";

/** y = sin x. */
export const sinOp = defineUnary({
  fn: UNARY.sin,
  saves: "input",
  vjp: (g, x) => mul(g, cos(x)),
});
/** y = cos x. */
export const cosOp = defineUnary({
  fn: UNARY.cos,
  saves: "input",
  vjp: (g, x) => neg(mul(g, sin(x))),
});

/** y = sin x, exact for large x as well; NaN for ±∞. */
export const sin = (x: Tensor): Tensor => sinOp([x], {});
/** y = cos x, exact for large x as well; NaN for ±∞. */
export const cos = (x: Tensor): Tensor => cosOp([x], {});
