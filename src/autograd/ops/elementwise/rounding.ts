import type { ElementFunction } from "../../../kernels/elementwise/element-function.ts";
import * as UNARY from "../../../kernels/elementwise/unary-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import type { Op } from "../../define-op.ts";
import { defineUnary, type NoAttributes, noGradient } from "./define-unary.ts";

/* @__NO_SIDE_EFFECTS__ */ const defineRounding = (fn: ElementFunction): Op<NoAttributes> =>
  defineUnary({ fn, vjp: (g, _x, createGraph) => noGradient(g, createGraph) });

export const floorOp = defineRounding(UNARY.floor);
export const ceilOp = defineRounding(UNARY.ceil);
export const roundOp = defineRounding(UNARY.round);

// The sign of a zero is that of the input. Integers stay as they are. Gradients are 0.

/** y = the largest integer that is at most x. */
export const floor = (x: Tensor): Tensor => floorOp([x], {});
/** y = the smallest integer that is at least x. */
export const ceil = (x: Tensor): Tensor => ceilOp([x], {});
/** y = the nearest integer; of two, the even one. */
export const round = (x: Tensor): Tensor => roundOp([x], {});
