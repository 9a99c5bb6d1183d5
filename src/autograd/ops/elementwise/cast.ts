import { castTo } from "../../../kernels/elementwise/elementwise.ts";
import { assertDType, type DType, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";

/** The values in another element type; gradients are cast back. */
export const castOp = defineOp<{ dtype: DType }>({
  name: "cast",
  infer: ([x], { dtype }) => {
    assertDType("cast", dtype);
    return { shape: x.shape, dtype };
  },
  forward: ([x], { dtype }) => castTo(x, dtype),
  vjp: (g, _saved, { inputs: [x] }) => [() => cast(g, x.dtype)],
});

/**
 * The values in another element type. Floats become integers by truncation towards zero; what is out of range becomes
 * the nearest end of it, and NaN becomes 0. Everything but 0 becomes true, NaN too. bool becomes 0 or 1.
 */
export const cast = (x: Tensor, dtype: DType): Tensor => castOp([x], { dtype });
