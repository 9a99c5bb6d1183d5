import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import { type TernaryName, ternary } from "../../../kernels/elementwise/ternary.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { mul } from "./arithmetic.ts";
import { equal, greater, less } from "./comparison.ts";
import { type BinaryGradient, callBinary, defineBinary, type Operand } from "./define-binary.ts";
import { where } from "./selection.ts";

// Where the operands are equal each has half of the gradient; the one that is not chosen has none; with a NaN both have
// all of it, as in PyTorch.

const isAbove = (a: Operand, b: Operand): Tensor => greater(a, b);
const isBelow = (a: Operand, b: Operand): Tensor => less(a, b);

/** The share of `own` in the gradient, from a kernel or from differentiable ops. */
/* @__NO_SIDE_EFFECTS__ */ function share(
  op: "maximum" | "minimum",
  kernel: TernaryName,
  loses: (own: Operand, other: Operand) => Tensor,
  pick: (at: BinaryGradient) => [Operand, Operand],
): (at: BinaryGradient) => Tensor {
  return (at) => {
    const [own, other] = pick(at);
    const { g, createGraph } = at;
    if (!createGraph) return ternary(`${op} backward`, g, own, other, kernel, g.shape, g.dtype);
    return where(loses(own, other), 0, where(equal(own, other), mul(g, 0.5), g));
  };
}

const first = ({ a, b }: BinaryGradient): [Operand, Operand] => [a, b];
const second = ({ a, b }: BinaryGradient): [Operand, Operand] => [b, a];

/** y = the larger of a and b. */
export const maximumOp = defineBinary({
  fn: BINARY.maximum,
  vjp: {
    a: share("maximum", "maximumShare", isBelow, first),
    b: share("maximum", "maximumShare", isBelow, second),
  },
});

/** y = the smaller of a and b. */
export const minimumOp = defineBinary({
  fn: BINARY.minimum,
  vjp: {
    a: share("minimum", "minimumShare", isAbove, first),
    b: share("minimum", "minimumShare", isAbove, second),
  },
});

/** y = max(a, b), NaN where either is; of bool, a or b. Equal operands share the gradient equally. */
export const maximum = (a: Operand, b: Operand): Tensor => callBinary(maximumOp, a, b);
/** y = min(a, b), NaN where either is; of bool, a and b. Equal operands share the gradient equally. */
export const minimum = (a: Operand, b: Operand): Tensor => callBinary(minimumOp, a, b);
