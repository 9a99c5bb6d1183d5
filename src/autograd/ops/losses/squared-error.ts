import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import { binary } from "../../../kernels/elementwise/elementwise.ts";
import { ternary } from "../../../kernels/elementwise/ternary.ts";
import { requireFloat32 } from "../../../kernels/launch.ts";
import { broadcastShapes, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { sumTo } from "../broadcast.ts";
import { mul, sub } from "../elementwise/index.ts";

/** (x − t)². The gradient of either operand is one dispatch, in which they change places. */
export const squaredErrorOp = defineOp({
  name: "squaredError",
  infer: ([x, target]) => {
    requireFloat32("squaredError", x, target);
    return { shape: broadcastShapes("squaredError", x.shape, target.shape), dtype: "f32" };
  },
  forward: ([x, target]) => binary("squaredError", x, target, BINARY.squaredError),
  save: (inputs) => inputs,
  vjp: (g, [x, target], { createGraph, inputs }) => {
    const slope = (own: Tensor, other: Tensor): Tensor =>
      createGraph
        ? mul(g, mul(sub(own, other), 2))
        : ternary("squaredError backward", g, own, other, "squaredSlope", g.shape, "f32");
    return [() => sumTo(slope(x, target), inputs[0].shape), () => sumTo(slope(target, x), inputs[1].shape)];
  },
});
