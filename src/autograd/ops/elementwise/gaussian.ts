import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import { binary } from "../../../kernels/elementwise/elementwise.ts";
import * as UNARY from "../../../kernels/elementwise/unary-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { tanh } from "./activation.ts";
import { square } from "./algebraic.ts";
import { add, affine, mul } from "./arithmetic.ts";
import { defineActivation } from "./define-activation.ts";
import { defineUnary } from "./define-unary.ts";
import { exp } from "./exponential.ts";

const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

/** y = 2/√π ∫₀ˣ e^(−t²) dt. */
export const erfOp = defineUnary({
  fn: UNARY.erf,
  saves: "input",
  vjp: (g, x, createGraph) =>
    createGraph
      ? mul(g, mul(exp(mul(square(x), -1)), TWO_OVER_ROOT_PI))
      : binary("erf backward", g, x, BINARY.erfBackward),
});

/** Which form of {@link gelu} is meant. */
export interface GeluOptions {
  /** `none` for the definition by erf, `tanh` for the form that GPT-2 and its successors were trained with. */
  approximate?: "none" | "tanh";
}

/** Φ(x) + x φ(x). */
function exactDerivative(x: Tensor): Tensor {
  const below = affine(erf(mul(x, Math.SQRT1_2)), 0.5, 0.5);
  return add(below, mul(x, mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI))));
}

/** ½(1 + t) + ½x(1 − t²)u′, t = tanh u, u = √(2/π)(x + 0.044715x³). */
function tanhDerivative(x: Tensor): Tensor {
  const root = Math.sqrt(2 / Math.PI);
  const x2 = square(x);
  const t = tanh(mul(mul(x, root), affine(x2, 0.044715, 1)));
  const slope = affine(x2, 3 * 0.044715 * root, root);
  const curve = mul(mul(x, slope), affine(square(t), -1, 1));
  return affine(add(t, curve), 0.5, 0.5);
}

/** y = x Φ(x). */
export const geluOp = defineActivation<Required<GeluOptions>>({
  name: "gelu",
  forward: ({ approximate }) => (approximate === "tanh" ? UNARY.geluTanh : UNARY.gelu),
  backward: ({ approximate }) => (approximate === "tanh" ? BINARY.geluTanhBackward : BINARY.geluBackward),
  gradient: (g, x, { approximate }) => mul(g, approximate === "tanh" ? tanhDerivative(x) : exactDerivative(x)),
});

/** The error function, y = 2/√π ∫₀ˣ e^(−t²) dt. */
export const erf = (x: Tensor): Tensor => erfOp([x], {});

/**
 * The Gaussian error linear unit (arXiv:1606.08415): y = x Φ(x), Φ the normal distribution, without cancellation for
 * negative x; or its form y = ½x(1 + tanh(√(2/π)(x + 0.044715x³))). NaN at −∞, as in PyTorch.
 */
export function gelu(x: Tensor, { approximate = "none" }: GeluOptions = {}): Tensor {
  if (approximate !== "none" && approximate !== "tanh") {
    throw new Error(`gelu: approximate is "none" or "tanh", got ${JSON.stringify(approximate)}`);
  }
  return geluOp([x], { approximate });
}
