import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import * as UNARY from "../../../kernels/elementwise/unary-functions.ts";
import { Tensor, tidy } from "../../../tensor/index.ts";
import type { Op } from "../../define-op.ts";
import { cast } from "./cast.ts";
import { callBinary, defineBinary, type NumberOperand, type Operand } from "./define-binary.ts";
import { defineTest } from "./define-unary.ts";

export const logicalAndOp = defineBinary({ fn: BINARY.logicalAnd });
export const logicalOrOp = defineBinary({ fn: BINARY.logicalOr });
export const logicalXorOp = defineBinary({ fn: BINARY.logicalXor });
export const logicalNotOp = defineTest(UNARY.logicalNot);

/** Operands of different types are made bool first. */
function callLogical(op: Op<NumberOperand>, a: Operand, b: Operand): Tensor {
  if (a instanceof Tensor && b instanceof Tensor && a.dtype !== b.dtype) {
    return tidy(() => callBinary(op, cast(a, "bool"), cast(b, "bool")));
  }
  return callBinary(op, a, b);
}

// Logic on tensors of any type, in which everything but 0 is true, NaN too; the result is bool.

/** y = a and b. */
export const logicalAnd = (a: Operand, b: Operand): Tensor => callLogical(logicalAndOp, a, b);
/** y = a or b. */
export const logicalOr = (a: Operand, b: Operand): Tensor => callLogical(logicalOrOp, a, b);
/** y = either a or b. */
export const logicalXor = (a: Operand, b: Operand): Tensor => callLogical(logicalXorOp, a, b);
/** y = not x. */
export const logicalNot = (x: Tensor): Tensor => logicalNotOp([x], {});
