import { binary } from "../../../kernels/elementwise.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { square } from "./algebraic.ts";
import { affine, mul, sub } from "./arithmetic.ts";
import { lessEqual } from "./comparison.ts";
import { defineUnary } from "./define-unary.ts";
import { where } from "./selection.ts";

/** y = tanh x. */
export const tanhOp = defineUnary({
  name: "tanh",
  range: [-3, 3],
  saves: "output",
  vjp: (g, y, createGraph) =>
    createGraph ? mul(g, affine(square(y), -1, 1)) : binary("tanh backward", g, y, "tanhBackward"),
});

/** y = 1 / (1 + e⁻ˣ). */
export const sigmoidOp = defineUnary({
  name: "sigmoid",
  range: [-4, 4],
  saves: "output",
  vjp: (g, y, createGraph) =>
    createGraph ? mul(g, mul(y, sub(1, y))) : binary("sigmoid backward", g, y, "sigmoidBackward"),
});

/** y = max(x, 0). */
export const reluOp = defineUnary({
  name: "relu",
  range: [-2, 2],
  saves: "output",
  vjp: (g, y, createGraph) =>
    createGraph ? where(lessEqual(y, 0), 0, g) : binary("relu backward", g, y, "reluBackward"),
});

/** y = tanh x. */
export const tanh = (x: Tensor): Tensor => tanhOp([x], {});
/** y = 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Tensor): Tensor => sigmoidOp([x], {});
/** y = max(x, 0); NaN stays NaN. The gradient at 0 is 0. */
export const relu = (x: Tensor): Tensor => reluOp([x], {});
