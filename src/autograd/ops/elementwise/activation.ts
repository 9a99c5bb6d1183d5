import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import { binary } from "../../../kernels/elementwise/elementwise.ts";
import * as UNARY from "../../../kernels/elementwise/unary-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { square } from "./algebraic.ts";
import { add, affine, mul, sub } from "./arithmetic.ts";
import { greater, lessEqual } from "./comparison.ts";
import { defineActivation } from "./define-activation.ts";
import { defineUnary, type NoAttributes } from "./define-unary.ts";
import { exp } from "./exponential.ts";
import { where } from "./selection.ts";

/** y = tanh x. */
export const tanhOp = defineUnary({
  fn: UNARY.tanh,
  saves: "output",
  vjp: (g, y, createGraph) =>
    createGraph ? mul(g, affine(square(y), -1, 1)) : binary("tanh backward", g, y, BINARY.tanhBackward),
});

/** y = 1 / (1 + e⁻ˣ). */
export const sigmoidOp = defineUnary({
  fn: UNARY.sigmoid,
  saves: "output",
  vjp: (g, y, createGraph) =>
    createGraph ? mul(g, mul(y, sub(1, y))) : binary("sigmoid backward", g, y, BINARY.sigmoidBackward),
});

/** y = max(x, 0). */
export const reluOp = defineUnary({
  fn: UNARY.relu,
  saves: "output",
  vjp: (g, y, createGraph) =>
    createGraph ? where(lessEqual(y, 0), 0, g) : binary("relu backward", g, y, BINARY.reluBackward),
});

/** y = x where x > 0, else slope · x. */
export const leakyReluOp = defineActivation<{ slope: number }>({
  name: "leakyRelu",
  forward: () => UNARY.leakyRelu,
  backward: () => BINARY.leakyReluBackward,
  numbers: ({ slope }) => [slope, 0],
  gradient: (g, x, { slope }) => where(greater(x, 0), g, mul(g, slope)),
});

/** y = x where x > 0, else α (eˣ − 1). */
export const eluOp = defineActivation<{ alpha: number }>({
  name: "elu",
  forward: () => UNARY.elu,
  backward: () => BINARY.eluBackward,
  numbers: ({ alpha }) => [alpha, 0],
  gradient: (g, x, { alpha }) => where(lessEqual(x, 0), mul(g, mul(exp(x), alpha)), g),
});

/** y = x / (1 + e⁻ˣ). */
export const siluOp = defineActivation<NoAttributes>({
  name: "silu",
  forward: () => UNARY.silu,
  backward: () => BINARY.siluBackward,
  gradient: (g, x) => {
    const s = sigmoid(x);
    return mul(g, mul(s, add(mul(x, sub(1, s)), 1)));
  },
});

/** y = ln(1 + e^(βx)) / β. */
export const softplusOp = defineActivation<{ beta: number; threshold: number }>({
  name: "softplus",
  forward: () => UNARY.softplus,
  backward: () => BINARY.softplusBackward,
  numbers: ({ beta, threshold }) => [beta, threshold],
  gradient: (g, x, { beta, threshold }) => {
    const z = mul(x, beta);
    return where(greater(z, threshold), g, mul(g, sigmoid(z)));
  },
});

/** y = tanh x. */
export const tanh = (x: Tensor): Tensor => tanhOp([x], {});

/** y = 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Tensor): Tensor => sigmoidOp([x], {});

/** y = max(x, 0); NaN stays NaN. The gradient at 0 is 0. */
export const relu = (x: Tensor): Tensor => reluOp([x], {});

/** y = x where x > 0, else slope · x. The gradient at 0 is the slope. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor => leakyReluOp([x], { slope });

/** y = x where x > 0, else α (eˣ − 1) (arXiv:1511.07289). The gradient at 0 is α. */
export const elu = (x: Tensor, alpha = 1): Tensor => eluOp([x], { alpha });

/** y = x / (1 + e⁻ˣ), also known as swish (arXiv:1606.08415). NaN at −∞, as in PyTorch. */
export const silu = (x: Tensor): Tensor => siluOp([x], {});

/** Steepness of {@link softplus}, and where it is taken for the identity. */
export interface SoftplusOptions {
  beta?: number;
  /** Where βx is above it, y = x. */
  threshold?: number;
}

/** y = ln(1 + e^(βx)) / β, a smooth relu; y = x where βx is above the threshold. */
export const softplus = (x: Tensor, { beta = 1, threshold = 20 }: SoftplusOptions = {}): Tensor =>
  softplusOp([x], { beta, threshold });
