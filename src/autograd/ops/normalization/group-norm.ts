import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import { binary } from "../../../kernels/elementwise/elementwise.ts";
import { requireFloat32 } from "../../../kernels/launch.ts";
import { type ChannelLayout, channelMoments } from "../../../kernels/normalization/channel-moments.ts";
import {
  channelNormBackward,
  channelNormForward,
  channelNormSums,
  type SharedSums,
} from "../../../kernels/normalization/channel-norm.ts";
import { reduce } from "../../../kernels/reduction/reduce.ts";
import * as REDUCTIONS from "../../../kernels/reduction/reduction-functions.ts";
import { formatShape, requireTensors, reshapeView, sliceView, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { type AffineAttributes, affineInputs, affineOf, affineThunks, requireShaped } from "./affine-inputs.ts";
import { plainGradients } from "./channels.ts";
import { once } from "./once.ts";

export interface GroupNormAttributes extends AffineAttributes {
  /** Of adjacent channels; they divide the number of channels. */
  readonly groups: number;
  readonly epsilon: number;
}

const NAME = "groupNorm";

/** x [N, C, …] as one channel for each example and group. */
const layoutOf = ({ shape, size }: Tensor, groups: number): ChannelLayout => ({
  outer: 1,
  channels: shape[0] * groups,
  inner: size / shape[0] / groups,
});

/** Σ g and Σ g · normalised of each example and channel, [2, N, C]. */
function planeSums(
  g: Tensor,
  x: Tensor,
  statistics: { mean: Tensor; variance: Tensor; epsilon: number; span: number },
): Tensor {
  const [examples, channels] = x.shape;
  const planes = { outer: 1, channels: examples * channels, inner: x.size / examples / channels };
  const sums = channelNormSums(`${NAME} backward`, g, x, statistics, planes, statistics.span / planes.inner);
  return reshapeView(sums, [2, examples, channels])!;
}

/** The sums over what shares statistics: of the channels of each example and group, under their weights. */
function sharedSums(sums: Tensor, weight: Tensor | undefined, groups: number): SharedSums {
  const [, examples, channels] = sums.shape;
  const op = `${NAME} backward`;
  if (groups === channels) return { sums: reshapeView(sums, [2, examples * channels])!, unweighted: true };
  const weighted = weight ? binary(op, sums, weight, BINARY.mul) : sums;
  const grouped = reshapeView(weighted, [2, examples * groups, channels / groups])!;
  return { sums: reduce(op, grouped, REDUCTIONS.sum, [2]), unweighted: false };
}

/**
 * y = (x − mean) / √(variance + ε) · weight + bias for x [N, C, …], by mean and biased variance of each example's group
 * of channels. Inputs: x, and weight and bias of shape [C] where the attributes say so.
 */
export const groupNormOp = defineOp<GroupNormAttributes>({
  name: NAME,
  infer: (inputs, attributes) => {
    const [x] = inputs;
    requireFloat32(NAME, x);
    const { groups } = attributes;
    if (x.rank < 2 || !(Number.isInteger(groups) && groups > 0) || x.shape[1] % groups !== 0) {
      throw new Error(`${NAME}: expected [N, C, …] with C in ${groups} groups, got ${formatShape(x.shape)}`);
    }
    requireShaped(NAME, x, [x.shape[1]], { ...affineOf(inputs, 1, attributes) });
    return x;
  },
  forward: (inputs, attributes) => {
    const [x] = inputs;
    const { epsilon, groups } = attributes;
    if (x.size === 0) return channelNormForward(NAME, x, { mean: x, variance: x, epsilon, span: 1 }, undefined);
    const { weight, bias } = affineOf(inputs, 1, attributes);
    const layout = layoutOf(x, groups);
    const moments = channelMoments(NAME, x, layout);
    const y = channelNormForward(NAME, x, { ...moments, epsilon, span: layout.inner, weight }, bias);
    return [y, moments.mean, moments.variance];
  },
  save: ([x, weight], [, ...moments], attributes) => [x, ...moments, ...(attributes.weight ? [weight] : [])],
  vjp: (g, saved, { attributes, createGraph }) => {
    const [x] = saved;
    const { epsilon, groups } = attributes;
    const weight = attributes.weight ? saved[saved.length - 1] : undefined;
    if (createGraph || x.size === 0) {
      const [ofInput, ofWeight, ofBias] = plainGradients(g, x, layoutOf(x, groups), epsilon, weight);
      return [x.size === 0 ? () => g : ofInput, ...affineThunks(attributes, ofWeight, ofBias)];
    }
    const [, mean, variance] = saved;
    const norm = { mean, variance, epsilon, span: layoutOf(x, groups).inner, weight };
    const sums = once(() => planeSums(g, x, norm));
    const overExamples = once(() => reduce(`${NAME} backward`, sums(), REDUCTIONS.sum, [1]));
    const line = (index: number): Tensor => reshapeView(sliceView(overExamples(), 0, index, index + 1), [x.shape[1]])!;
    return [
      () => channelNormBackward(`${NAME} backward`, g, x, norm, sharedSums(sums(), weight, groups)),
      ...affineThunks(
        attributes,
        () => line(1),
        () => line(0),
      ),
    ];
  },
});

/**
 * Group normalisation of x [N, C, …] (arXiv:1803.08494): y = (x − mean) / √(variance + ε) · weight + bias, with mean and
 * biased variance of each example over each of `groups` groups of adjacent channels and all that lies behind them.
 *
 * @throws when `groups` does not divide C, or weight or bias are not of shape [C].
 */
export function groupNorm(
  x: Tensor,
  groups: number,
  weight?: Tensor | null,
  bias?: Tensor | null,
  epsilon = 1e-5,
): Tensor {
  const { inputs, attributes } = affineInputs(weight, bias);
  return groupNormOp([x, ...inputs], { ...attributes, groups, epsilon });
}

/**
 * Instance normalisation of x [N, C, …] (arXiv:1607.08022): group normalisation with every channel its own group.
 *
 * @throws when x has no channels, or weight or bias are not of shape [C].
 */
export function instanceNorm(x: Tensor, weight?: Tensor | null, bias?: Tensor | null, epsilon = 1e-5): Tensor {
  requireTensors("instanceNorm", [x, ...[weight, bias].filter((vector) => vector)]);
  if (x.rank < 2 || x.shape[1] === 0) {
    throw new Error(`instanceNorm: expected [N, C, …] with channels, got ${formatShape(x.shape)}`);
  }
  return groupNorm(x, x.shape[1], weight, bias, epsilon);
}
