import type { Tensor } from "../../../tensor/index.ts";
import type { Op } from "../../define-op.ts";
import { callBinary, defineBinary, type NumberOperand, type Operand } from "./define-binary.ts";

type Comparison = "equal" | "notEqual" | "less" | "lessEqual" | "greater" | "greaterEqual";

/* @__NO_SIDE_EFFECTS__ */ const defineComparison = (name: Comparison): Op<NumberOperand> => defineBinary({ name });

export const equalOp = defineComparison("equal");
export const notEqualOp = defineComparison("notEqual");
export const lessOp = defineComparison("less");
export const lessEqualOp = defineComparison("lessEqual");
export const greaterOp = defineComparison("greater");
export const greaterEqualOp = defineComparison("greaterEqual");

// Comparisons of two tensors of one type, broadcast, or of one with a number; the result is bool. -0 equals 0. A NaN is
// unequal to everything, itself too, and neither less nor greater. Denormal numbers are told apart on every adapter.

/** y = (a = b). */
export const equal = (a: Operand, b: Operand): Tensor => callBinary(equalOp, a, b);
/** y = (a ≠ b). */
export const notEqual = (a: Operand, b: Operand): Tensor => callBinary(notEqualOp, a, b);
/** y = (a < b). */
export const less = (a: Operand, b: Operand): Tensor => callBinary(lessOp, a, b);
/** y = (a ≤ b). */
export const lessEqual = (a: Operand, b: Operand): Tensor => callBinary(lessEqualOp, a, b);
/** y = (a > b). */
export const greater = (a: Operand, b: Operand): Tensor => callBinary(greaterOp, a, b);
/** y = (a ≥ b). */
export const greaterEqual = (a: Operand, b: Operand): Tensor => callBinary(greaterEqualOp, a, b);
