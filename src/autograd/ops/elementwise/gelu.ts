import { binary, unary } from "../../../kernels/elementwise.ts";
import { requireFloat } from "../../../kernels/launch.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { tanh } from "./activation.ts";
import { square } from "./algebraic.ts";
import { add, affine, mul } from "./arithmetic.ts";

const ROOT = Math.sqrt(2 / Math.PI);

/** The derivative of gelu in plain ops: ½(1 + t) + ½x(1 − t²)u′, t = tanh u, u = √(2/π)(x + 0.044715x³). */
function geluDerivative(x: Tensor): Tensor {
  const x2 = square(x);
  const t = tanh(mul(mul(x, ROOT), affine(x2, 0.044715, 1)));
  const slope = affine(x2, 3 * 0.044715 * ROOT, ROOT);
  const curve = mul(mul(x, slope), affine(square(t), -1, 1));
  return affine(add(t, curve), 0.5, 0.5);
}
/** y = ½x(1 + tanh(√(2/π)(x + 0.044715x³))), the tanh form of the Gaussian error linear unit (arXiv:1606.08415). */
export const geluOp = defineOp({
  name: "gelu",
  infer: ([x]) => {
    requireFloat("gelu", x);
    return x;
  },
  forward: ([x]) => unary("gelu", x, "geluTanh"),
  save: ([x]) => [x],
  vjp: (g, [x], { createGraph }) => [
    () => (createGraph ? mul(g, geluDerivative(x)) : binary("gelu backward", g, x, "geluTanhBackward")),
  ],
  samples: () => [{ inputs: [{ shape: [3, 1, 65], low: -4, high: 4 }], attributes: {} }],
});
export const gelu = (x: Tensor): Tensor => geluOp([x], {});
