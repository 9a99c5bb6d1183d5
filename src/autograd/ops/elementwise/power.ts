import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { naturalLogarithm } from "../../../tensor/portable-math.ts";
import { mul, sub } from "./arithmetic.ts";
import { equal, greaterEqual } from "./comparison.ts";
import { type BinaryGradient, callBinary, defineBinary, type Operand } from "./define-binary.ts";
import { noGradient } from "./define-unary.ts";
import { log } from "./exponential.ts";
import { logicalAnd } from "./logical.ts";
import { where } from "./selection.ts";

/** b a^(b − 1); 0 where b is 0, whatever a is. */
function gradientOfBase({ g, a, b, createGraph }: BinaryGradient): Tensor {
  if (typeof b === "number") return b === 0 ? noGradient(g, createGraph) : mul(g, mul(pow(a, b - 1), b));
  return where(equal(b, 0), 0, mul(g, mul(b, pow(a, sub(b, 1)))));
}

/** a^b ln a; 0 where a is 0 and b at least 0. */
function gradientOfExponent({ g, a, b }: BinaryGradient): Tensor {
  const gradient = mul(g, mul(pow(a, b), typeof a === "number" ? naturalLogarithm(a) : log(a)));
  if (typeof a === "number") return a === 0 ? where(greaterEqual(b, 0), 0, gradient) : gradient;
  return where(logicalAnd(equal(a, 0), greaterEqual(b, 0)), 0, gradient);
}

/** y = a^b. */
export const powOp = defineBinary({
  fn: BINARY.pow,
  vjp: { a: gradientOfBase, b: gradientOfExponent },
});

/**
 * y = a^b, with the special cases of C99: x⁰ and 1^x are 1 even for NaN, and negative bases have whole powers only, NaN
 * otherwise. Integers wrap around modulo 2³²; their negative powers are truncated towards zero. The gradient of a is 0
 * where b is 0, that of b is 0 where a is 0 and b at least 0, as in PyTorch.
 */
export const pow = (a: Operand, b: Operand): Tensor => callBinary(powOp, a, b);
