import { binary, castTo, unary } from "../../kernels/elementwise.ts";
import { requireFloat } from "../../kernels/launch.ts";
import type { DType, Tensor } from "../../tensor/index.ts";
import { defineOp, type Op, type Sample } from "../define-op.ts";
import { add, affine, div, mul, neg } from "./arithmetic.ts";

type NoAttributes = Record<string, never>;

const samplesIn = (low: number, high: number) => (): Sample<NoAttributes>[] =>
  [[2, 3], [65], [], [3, 1, 63], [0]].map((shape) => ({ inputs: [{ shape, low, high }], attributes: {} }));

interface UnaryInit {
  name: "exp" | "log" | "sqrt" | "rsqrt" | "square" | "reciprocal" | "tanh" | "gelu";
  range: [number, number];
  /** Whether the vjp wants the input or the output. */
  saves: "input" | "output";
  vjp: (g: Tensor, saved: Tensor, createGraph: boolean) => Tensor;
}

function defineUnary({ name, range, saves, vjp }: UnaryInit): Op<NoAttributes> {
  return defineOp<NoAttributes>({
    name,
    infer: ([x]) => {
      requireFloat(name, x);
      return x;
    },
    forward: ([x]) => unary(name, x, name),
    save: ([x], [y]) => [saves === "input" ? x : y],
    vjp: (g, [saved], { createGraph }) => [() => vjp(g, saved, createGraph)],
    samples: samplesIn(...range),
  });
}

/** y = eˣ. */
export const expOp = defineUnary({ name: "exp", range: [-3, 3], saves: "output", vjp: (g, y) => mul(g, y) });
/** y = ln x. */
export const logOp = defineUnary({ name: "log", range: [0.1, 4], saves: "input", vjp: (g, x) => div(g, x) });
/** y = √x. */
export const sqrtOp = defineUnary({
  name: "sqrt",
  range: [0.1, 4],
  saves: "output",
  vjp: (g, y) => div(affine(g, 0.5, 0), y),
});
/** y = 1 / √x. */
export const rsqrtOp = defineUnary({
  name: "rsqrt",
  range: [0.1, 4],
  saves: "output",
  vjp: (g, y) => mul(affine(g, -0.5, 0), mul(y, mul(y, y))),
});
/** y = x². */
export const squareOp = defineUnary({
  name: "square",
  range: [-2, 2],
  saves: "input",
  vjp: (g, x) => mul(affine(g, 2, 0), x),
});
/** y = 1 / x. */
export const reciprocalOp = defineUnary({
  name: "reciprocal",
  range: [0.3, 3],
  saves: "output",
  vjp: (g, y) => neg(mul(g, mul(y, y))),
});
/** y = tanh x. */
export const tanhOp = defineUnary({
  name: "tanh",
  range: [-3, 3],
  saves: "output",
  vjp: (g, y) => mul(g, affine(square(y), -1, 1)),
});

const ROOT = Math.sqrt(2 / Math.PI);

/** The derivative of gelu in plain ops: ½(1 + t) + ½x(1 − t²)u′, t = tanh u, u = √(2/π)(x + 0.044715x³). */
function geluDerivative(x: Tensor): Tensor {
  const x2 = square(x);
  const t = tanh(mul(affine(x, ROOT, 0), affine(x2, 0.044715, 1)));
  const slope = affine(x2, 3 * 0.044715 * ROOT, ROOT);
  const curve = mul(mul(x, slope), affine(square(t), -1, 1));
  return affine(add(t, curve), 0.5, 0.5);
}

/** y = ½x(1 + tanh(√(2/π)(x + 0.044715x³))), the tanh form of the Gaussian error linear unit (arXiv:1606.08415). */
export const geluOp = defineUnary({
  name: "gelu",
  range: [-4, 4],
  saves: "input",
  vjp: (g, x, createGraph) => (createGraph ? mul(g, geluDerivative(x)) : binary("gelu backward", g, x, "geluBackward")),
});

export const exp = (x: Tensor): Tensor => expOp([x], {});
export const log = (x: Tensor): Tensor => logOp([x], {});
export const sqrt = (x: Tensor): Tensor => sqrtOp([x], {});
export const rsqrt = (x: Tensor): Tensor => rsqrtOp([x], {});
export const square = (x: Tensor): Tensor => squareOp([x], {});
export const reciprocal = (x: Tensor): Tensor => reciprocalOp([x], {});
export const tanh = (x: Tensor): Tensor => tanhOp([x], {});
export const gelu = (x: Tensor): Tensor => geluOp([x], {});

/** The values in another element type. Floats are truncated towards zero, bool is 0 or 1; gradients are cast back. */
export const castOp = defineOp<{ dtype: DType }>({
  name: "cast",
  infer: ([x], { dtype }) => ({ shape: x.shape, dtype }),
  forward: ([x], { dtype }) => castTo(x, dtype),
  vjp: (g, _saved, { inputs: [x] }) => [() => cast(g, x.dtype)],
  samples: () => [
    { inputs: [{ shape: [3, 5], low: -4, high: 4 }], attributes: { dtype: "i32" } },
    { inputs: [{ shape: [65], low: 0, high: 3, dtype: "i32" }], attributes: { dtype: "f32" } },
    { inputs: [{ shape: [7], low: 0, high: 2, dtype: "i32" }], attributes: { dtype: "bool" } },
    { inputs: [{ shape: [6], low: 0, high: 9, dtype: "u32" }], attributes: { dtype: "f32" } },
  ],
});

export const cast = (x: Tensor, dtype: DType): Tensor => castOp([x], { dtype });
