import { reshaped } from "../../kernels/copy.ts";
import { requireFloat32 } from "../../kernels/launch.ts";
import { reduce } from "../../kernels/reduce.ts";
import type { Tensor } from "../../tensor/index.ts";
import { defineOp } from "../define-op.ts";
import { affine, equal, mul } from "./arithmetic.ts";
import { expand, inferReduce, keptShape, type ReduceAttributes, reduceSamples, sum } from "./broadcast.ts";
import { reshape } from "./shape.ts";
import { cast, reciprocal } from "./unary.ts";

/** y = max x over axes; equal maxima share the gradient, as in PyTorch's amax. */
export const maxOp = defineOp<ReduceAttributes>({
  name: "max",
  infer: ([x], attributes) => {
    requireFloat32("max", x);
    return inferReduce("max", x, attributes);
  },
  forward: ([x], attributes) =>
    reshaped(reduce("max", x, "max", attributes.axes), inferReduce("max", x, attributes).shape),
  save: ([x], [y]) => [x, y],
  vjp: (g, [x, y], { attributes: { axes } }) => [
    () => {
      const kept = keptShape(x.shape, axes);
      const hits = cast(equal(x, expand(reshape(y, kept), x.shape)), "f32");
      const share = mul(reshape(g, kept), reciprocal(sum(hits, axes, true)));
      return mul(hits, expand(share, x.shape));
    },
  ],
  samples: reduceSamples,
});

export const max = (x: Tensor, axes?: number | readonly number[], keepDimensions = false): Tensor =>
  maxOp([x], { axes: typeof axes === "number" ? [axes] : axes, keepDimensions });

/** y = Σ x / n over axes. */
export function mean(x: Tensor, axes?: number | readonly number[], keepDimensions = false): Tensor {
  const total = sum(x, axes, keepDimensions);
  return affine(total, total.size / x.size, 0);
}
