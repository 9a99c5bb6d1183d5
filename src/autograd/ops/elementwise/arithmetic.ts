import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import { unary } from "../../../kernels/elementwise/elementwise.ts";
import * as UNARY from "../../../kernels/elementwise/unary-functions.ts";
import { requireFloat } from "../../../kernels/launch.ts";
import { isFloat, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { callBinary, defineBinary, type Operand } from "./define-binary.ts";

/** y = a + b, with NumPy's broadcasting. */
export const addOp = defineBinary({
  fn: BINARY.add,
  saves: false,
  vjp: { a: ({ g }) => g, b: ({ g }) => g },
});

/** y = a − b. */
export const subOp = defineBinary({
  fn: BINARY.sub,
  saves: false,
  vjp: { a: ({ g }) => g, b: ({ g }) => neg(g) },
});

/** y = a · b, element by element. */
export const mulOp = defineBinary({
  fn: BINARY.mul,
  vjp: { a: ({ g, b }) => mul(g, b), b: ({ g, a }) => mul(g, a) },
});

/** y = a / b. */
export const divOp = defineBinary({
  fn: BINARY.div,
  vjp: {
    a: ({ g, b }) => div(g, b),
    // b² may exceed the range of floats where the gradient does not.
    b: ({ g, a, b }) => neg(mul(g, div(div(a, b), b))),
  },
});

/** y = scale · x + shift, with numbers that are no tensors. */
export const affineOp = defineOp<{ scale: number; shift: number }>({
  name: "affine",
  infer: ([x]) => {
    requireFloat("affine", x);
    return x;
  },
  forward: ([x], { scale, shift }) => unary("affine", x, UNARY.affine, scale, shift),
  vjp: (g, _saved, { attributes: { scale } }) => [() => mul(g, scale)],
});

/** y = −x. */
export const negOp = defineOp({
  name: "neg",
  infer: ([x]) => {
    if (x.dtype === "bool") throw new Error("neg: bool has no negative; use logicalNot");
    return x;
  },
  forward: ([x]) => unary("neg", x, UNARY.neg),
  vjp: (g) => [() => neg(g)],
});

/** y = scale · x + shift in one pass; the product is rounded before the sum, or not, as the adapter likes. */
export const affine = (x: Tensor, scale: number, shift: number): Tensor => affineOp([x], { scale, shift });

/** y = −x; for u32 modulo 2³². */
export const neg = (x: Tensor): Tensor => negOp([x], {});

// With a number, sums and products of floats share one pipeline: 1 · x is exact, and so is adding -0 to a product.
// Both hold for infinities, NaN and -0 as well.

/** y = a + b, with NumPy's broadcasting; of bool, a or b. */
export function add(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number" && isFloat(a?.dtype)) return affine(a, 1, b);
  if (typeof a === "number" && typeof b !== "number" && isFloat(b?.dtype)) return affine(b, 1, a);
  return callBinary(addOp, a, b);
}

/** y = a − b. */
export function sub(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number" && isFloat(a?.dtype)) return affine(a, 1, -b);
  if (typeof a === "number" && typeof b !== "number" && isFloat(b?.dtype)) return affine(b, -1, a);
  return callBinary(subOp, a, b);
}

/** y = a · b, element by element; of bool, a and b. */
export function mul(a: Operand, b: Operand): Tensor {
  if (typeof b === "number" && typeof a !== "number" && isFloat(a?.dtype)) return affine(a, b, -0);
  if (typeof a === "number" && typeof b !== "number" && isFloat(b?.dtype)) return affine(b, a, -0);
  return callBinary(mulOp, a, b);
}

/**
 * y = a / b. Integers are divided towards zero (PyTorch's `rounding_mode="trunc"`); cast them first for a quotient that
 * is no integer. WGSL defines x / 0 = x for them.
 */
export const div = (a: Operand, b: Operand): Tensor => callBinary(divOp, a, b);
