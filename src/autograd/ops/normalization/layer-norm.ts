import { requireFloat32 } from "../../../kernels/launch.ts";
import {
  layerNormBackwardInput,
  layerNormBackwardWeight,
  layerNormForward,
} from "../../../kernels/normalization/layer-norm.ts";
import { formatShape, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { affine, mul, sub } from "../arithmetic.ts";
import { sumTo } from "../broadcast.ts";
import { mean } from "../reduction/index.ts";
import { rsqrt, square } from "../unary.ts";

/**
 * y = (x − mean) / √(variance + ε) · weight + bias over the last axis (arXiv:1607.06450). The variance is the
 * biased one, over the same axis.
 */
export const layerNormOp = defineOp<{ epsilon: number }>({
  name: "layerNorm",
  infer: ([x, weight, bias]) => {
    requireFloat32("layerNorm", x, weight, bias);
    const columns = x.shape[x.rank - 1];
    if (x.rank < 1 || weight.rank !== 1 || weight.size !== columns || bias.rank !== 1 || bias.size !== columns) {
      throw new Error(
        `layerNorm: input ${formatShape(x.shape)} needs weight and bias of shape [${columns}], got ${formatShape(weight.shape)} and ${formatShape(bias.shape)}`,
      );
    }
    return x;
  },
  forward: ([x, weight, bias], { epsilon }) => layerNormForward(x, weight, bias, epsilon),
  save: ([x, weight], [, statistics]) => [x, weight, statistics],
  vjp: (g, [x, weight, statistics], { attributes: { epsilon }, inputs, createGraph }) => {
    if (createGraph) return plainVjp(g, x, weight, epsilon);
    let sums: [Tensor, Tensor] | undefined;
    const weightAndBias = (): [Tensor, Tensor] => {
      sums ??= layerNormBackwardWeight(g, x, statistics);
      return sums;
    };
    return [
      () => layerNormBackwardInput(g, x, weight, statistics),
      () => weightAndBias()[0],
      inputs.length > 2 ? () => weightAndBias()[1] : null,
    ];
  },
  samples: () => [
    { inputs: [{ shape: [3, 8] }, { shape: [8] }, { shape: [8] }], attributes: { epsilon: 1e-5 } },
    { inputs: [{ shape: [2, 5, 65] }, { shape: [65] }, { shape: [65] }], attributes: { epsilon: 1e-5 } },
    { inputs: [{ shape: [130, 4] }, { shape: [4] }, { shape: [4] }], attributes: { epsilon: 1e-3 } },
  ],
});

/** The same gradients in differentiable ops. */
function plainVjp(g: Tensor, x: Tensor, weight: Tensor, epsilon: number): (() => Tensor)[] {
  const centred = sub(x, mean(x, -1, true));
  const rstd = rsqrt(affine(mean(square(centred), -1, true), 1, epsilon));
  const normalized = mul(centred, rstd);
  return [
    () => {
      const gw = mul(g, weight);
      const inner = sub(sub(gw, mean(gw, -1, true)), mul(normalized, mean(mul(gw, normalized), -1, true)));
      return mul(rstd, inner);
    },
    () => sumTo(mul(g, normalized), weight.shape),
    () => sumTo(g, weight.shape),
  ];
}

export const layerNorm = (x: Tensor, weight: Tensor, bias: Tensor, epsilon = 1e-5): Tensor =>
  layerNormOp([x, weight, bias], { epsilon });
