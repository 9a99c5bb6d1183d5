import * as UNARY from "../../../kernels/elementwise/unary-functions.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { defineTest } from "./define-unary.ts";

export const isNaNOp = defineTest(UNARY.isNotANumber);
export const isFiniteOp = defineTest(UNARY.isFiniteNumber);
export const isInfiniteOp = defineTest(UNARY.isInfiniteNumber);

// Tests of the exponent bits, which hold on adapters whose comparisons do not know NaN; the result is bool.

/** Whether x is NaN. */
const testNaN = (x: Tensor): Tensor => isNaNOp([x], {});
/** Whether x is neither NaN nor infinite. */
const testFinite = (x: Tensor): Tensor => isFiniteOp([x], {});
/** Whether x is ∞ or −∞. */
export const isInfinite = (x: Tensor): Tensor => isInfiniteOp([x], {});

export { testFinite as isFinite, testNaN as isNaN };
