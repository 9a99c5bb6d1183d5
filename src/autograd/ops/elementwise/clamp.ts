import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import { requireAccepted, requireNumber } from "../../../kernels/elementwise/element-function.ts";
import { binary, unary } from "../../../kernels/elementwise/elementwise.ts";
import * as UNARY from "../../../kernels/elementwise/unary-functions.ts";
import { type DType, isFloat, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { greaterEqual, lessEqual } from "./comparison.ts";
import { logicalAnd } from "./logical.ts";
import { where } from "./selection.ts";

export interface ClampAttributes {
  minimum: number | null;
  maximum: number | null;
}

/** The bounds as numbers of a type: where there is none, its own end. */
function bounds({ minimum, maximum }: ClampAttributes, dtype: DType): [number, number] {
  if (isFloat(dtype)) return [minimum ?? Number.NEGATIVE_INFINITY, maximum ?? Number.POSITIVE_INFINITY];
  return dtype === "i32" ? [minimum ?? -(2 ** 31), maximum ?? 2 ** 31 - 1] : [minimum ?? 0, maximum ?? 2 ** 32 - 1];
}

/** y = min(max(x, minimum), maximum). */
export const clampOp = defineOp<ClampAttributes>({
  name: "clamp",
  infer: ([x], attributes) => {
    requireAccepted("clamp", UNARY.clamp, x);
    for (const bound of bounds(attributes, x.dtype)) {
      if (Number.isNaN(bound)) throw new Error("clamp: a bound is NaN");
      requireNumber("clamp", bound, x.dtype);
    }
    return x;
  },
  forward: ([x], attributes) => unary("clamp", x, UNARY.clamp, ...bounds(attributes, x.dtype)),
  save: ([x]) => [x],
  vjp: (g, [x], { attributes, createGraph }) => [
    () => {
      const [low, high] = bounds(attributes, x.dtype);
      if (!createGraph) return binary("clamp backward", g, x, BINARY.clampBackward, low, high);
      return where(logicalAnd(greaterEqual(x, low), lessEqual(x, high)), g, 0);
    },
  ],
});

/**
 * y = min(max(x, minimum), maximum); null stands for no bound. NaN stays NaN. The gradient passes where x lies within
 * the bounds or on them.
 */
export const clamp = (x: Tensor, minimum: number | null, maximum: number | null = null): Tensor =>
  clampOp([x], { minimum, maximum });
