import type { ChannelLayout } from "../../../kernels/normalization/channel-moments.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { sum } from "../broadcast.ts";
import { affine, mul, rsqrt, square, sub } from "../elementwise/index.ts";
import { mean } from "../reduction/index.ts";
import { reshape } from "../shape/views.ts";

// Normalisation of x [N, C, …] in differentiable ops, for gradients that are to be differentiated again.

/** A vector [C] as [1, C, 1, …], to be broadcast over x. */
export const alongChannels = (vector: Tensor, x: { rank: number }): Tensor =>
  reshape(vector, [1, vector.size, ...new Array<number>(x.rank - 2).fill(1)]);

/** Σ over all axes but that of the channels. */
export const sumToChannels = (x: Tensor): Tensor =>
  sum(
    x,
    x.shape.map((_, axis) => axis).filter((axis) => axis !== 1),
  );

/** x normalised over the outer and inner axis of a layout, and 1 / deviation for each of the layout's channels. */
function normalizePlainly(x: Tensor, layout: ChannelLayout, epsilon: number): { normalized: Tensor; rstd: Tensor } {
  const rows = reshape(x, [layout.outer, layout.channels, layout.inner]);
  const centred = sub(rows, mean(rows, [0, 2], true));
  const rstd = rsqrt(affine(mean(square(centred), [0, 2], true), 1, epsilon));
  return { normalized: mul(centred, rstd), rstd };
}

/** The gradients of {@link normalizePlainly}'s input, weight and bias. */
export function plainGradients(
  g: Tensor,
  x: Tensor,
  layout: ChannelLayout,
  epsilon: number,
  weight: Tensor | undefined,
): [() => Tensor, () => Tensor, () => Tensor] {
  const { normalized, rstd } = normalizePlainly(x, layout, epsilon);
  return [
    () => {
      const gw = reshape(weight ? mul(g, alongChannels(weight, g)) : g, normalized.shape);
      const product = mul(normalized, mean(mul(gw, normalized), [0, 2], true));
      return reshape(mul(rstd, sub(sub(gw, mean(gw, [0, 2], true)), product)), x.shape);
    },
    () => sumToChannels(mul(g, reshape(normalized, x.shape))),
    () => sumToChannels(g),
  ];
}
