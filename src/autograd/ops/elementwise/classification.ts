import type { Tensor } from "../../../tensor/index.ts";
import { defineTest } from "./define-unary.ts";

export const isNaNOp = defineTest("isNaN");
export const isFiniteOp = defineTest("isFinite");
export const isInfiniteOp = defineTest("isInfinite");

// Tests of the exponent bits, which hold on adapters whose comparisons do not know NaN; the result is bool.

/** Whether x is NaN. */
const testNaN = (x: Tensor): Tensor => isNaNOp([x], {});
/** Whether x is neither NaN nor infinite. */
const testFinite = (x: Tensor): Tensor => isFiniteOp([x], {});
/** Whether x is ∞ or −∞. */
export const isInfinite = (x: Tensor): Tensor => isInfiniteOp([x], {});

export { testFinite as isFinite, testNaN as isNaN };
