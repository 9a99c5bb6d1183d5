import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { callBinary, defineBinary, type Operand } from "./define-binary.ts";

export const equalOp = defineBinary({ fn: BINARY.equal });
export const notEqualOp = defineBinary({ fn: BINARY.notEqual });
export const lessOp = defineBinary({ fn: BINARY.less });
export const lessEqualOp = defineBinary({ fn: BINARY.lessEqual });
export const greaterOp = defineBinary({ fn: BINARY.greater });
export const greaterEqualOp = defineBinary({ fn: BINARY.greaterEqual });

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
