import { requireFloat32 } from "../../../kernels/launch.ts";
import { type ChannelLayout, channelMoments } from "../../../kernels/normalization/channel-moments.ts";
import {
  channelNormBackward,
  channelNormForward,
  channelNormSums,
} from "../../../kernels/normalization/channel-norm.ts";
import { formatShape, reshapeView, sliceView, type Tensor } from "../../../tensor/index.ts";
import { defineOp, type Spec } from "../../define-op.ts";
import { isRecomputing } from "../../tape.ts";
import { affine, mul, rsqrt, sub } from "../elementwise/index.ts";
import { type AffineAttributes, affineInputs, affineOf, affineThunks, requireShaped } from "./affine-inputs.ts";
import { alongChannels, plainGradients, sumToChannels } from "./channels.ts";
import { once } from "./once.ts";

export interface BatchNormAttributes extends AffineAttributes {
  readonly epsilon: number;
  /** Moved in place by the forward pass; they are no inputs, for nothing is differentiated by them. */
  readonly runningMean?: Tensor;
  readonly runningVariance?: Tensor;
  /** Weight of the batch in the running statistics. */
  readonly momentum: number;
}

const layoutOf = ({ shape }: { shape: readonly number[] }): ChannelLayout => ({
  outer: shape[0],
  channels: shape[1],
  inner: shape.slice(2).reduce((product, length) => product * length, 1),
});

function inferChannels(op: string, x: Tensor, vectors: Readonly<Record<string, Tensor | undefined>>): Spec {
  requireFloat32(op, x);
  if (x.rank < 2) throw new Error(`${op}: expected [N, C, …], got ${formatShape(x.shape)}`);
  requireShaped(op, x, [x.shape[1]], vectors);
  return x;
}

/** Line `index` of [2, n], as [n]. */
const lineOf = (sums: Tensor, index: number): Tensor =>
  reshapeView(sliceView(sums, 0, index, index + 1), [sums.shape[1]])!;

const NAME = "batchNorm";

/**
 * y = (x − mean) / √(variance + ε) · weight + bias for x [N, C, …], by mean and biased variance of each channel over
 * the batch. Inputs: x, and weight and bias of shape [C] where the attributes say so.
 */
export const batchNormOp = defineOp<BatchNormAttributes>({
  name: NAME,
  infer: (inputs, attributes) => {
    const [x] = inputs;
    const { runningMean, runningVariance } = attributes;
    const spec = inferChannels(NAME, x, {
      ...affineOf(inputs, 1, attributes),
      "running mean": runningMean,
      "running variance": runningVariance,
    });
    if (!runningMean !== !runningVariance) {
      throw new Error(`${NAME}: a running mean and a running variance go together`);
    }
    if (x.size > 0 && x.size === x.shape[1]) {
      throw new Error(`${NAME}: training needs more than one value per channel, got ${formatShape(x.shape)}`);
    }
    return spec;
  },
  forward: (inputs, attributes) => {
    const [x] = inputs;
    const { epsilon, momentum, runningMean, runningVariance } = attributes;
    if (x.size === 0) return channelNormForward(NAME, x, { mean: x, variance: x, epsilon, span: 1 }, undefined);
    const { weight, bias } = affineOf(inputs, 1, attributes);
    const layout = layoutOf(x);
    // A checkpointed part that runs again has moved them already.
    const moves = runningMean && runningVariance && !isRecomputing();
    const running = moves ? { mean: runningMean, variance: runningVariance, momentum } : undefined;
    const moments = channelMoments(NAME, x, layout, running);
    const y = channelNormForward(NAME, x, { ...moments, epsilon, span: layout.inner, weight }, bias);
    return [y, moments.mean, moments.variance];
  },
  save: (inputs, [, mean, variance], attributes) => {
    const { weight } = affineOf(inputs, 1, attributes);
    return mean ? [inputs[0], mean, variance, ...(weight ? [weight] : [])] : [inputs[0]];
  },
  vjp: (g, [x, mean, variance, weight], { attributes, createGraph }) => {
    const { epsilon } = attributes;
    const layout = layoutOf(x);
    const op = `${NAME} backward`;
    if (createGraph || x.size === 0) {
      const [ofInput, ofWeight, ofBias] = plainGradients(g, x, layout, epsilon, weight);
      return [x.size === 0 ? () => g : ofInput, ...affineThunks(attributes, ofWeight, ofBias)];
    }
    const norm = { mean, variance, epsilon, span: layout.inner, weight };
    const sums = once(() => channelNormSums(op, g, x, norm, layout));
    return [
      () => channelNormBackward(op, g, x, norm, { sums: sums(), unweighted: true }),
      ...affineThunks(
        attributes,
        () => lineOf(sums(), 1),
        () => lineOf(sums(), 0),
      ),
    ];
  },
});

const INFERENCE = "batchNormInference";

/**
 * y = (x − mean) / √(variance + ε) · weight + bias for x [N, C, …] by given statistics of shape [C]. Inputs: x, mean,
 * variance, and weight and bias where the attributes say so; all have gradients.
 */
export const batchNormInferenceOp = defineOp<AffineAttributes & { readonly epsilon: number }>({
  name: INFERENCE,
  infer: (inputs, attributes) => {
    const [x, mean, variance] = inputs;
    return inferChannels(INFERENCE, x, { mean, variance, ...affineOf(inputs, 3, attributes) });
  },
  forward: (inputs, attributes) => {
    const [x, mean, variance] = inputs;
    const { weight, bias } = affineOf(inputs, 3, attributes);
    const norm = { mean, variance, weight, epsilon: attributes.epsilon, span: layoutOf(x).inner };
    return channelNormForward(INFERENCE, x, norm, bias);
  },
  save: (inputs, _outputs, attributes) => inputs.slice(0, attributes.weight ? 4 : 3),
  vjp: (g, [x, mean, variance, weight], { attributes, createGraph }) => {
    const { epsilon } = attributes;
    const layout = layoutOf(x);
    const op = `${INFERENCE} backward`;
    const rstd = once(() => rsqrt(affine(variance, 1, epsilon)));
    const factor = once(() => (weight ? mul(rstd(), weight) : rstd()));
    const isPlain = createGraph || x.size === 0;
    const norm = { mean, variance, weight, epsilon, span: layout.inner };
    const sums = once(() => channelNormSums(op, g, x, norm, layout));
    const normalized = (): Tensor => mul(sub(x, alongChannels(mean, x)), alongChannels(rstd(), x));
    const ofBias = once(() => (isPlain ? sumToChannels(g) : lineOf(sums(), 0)));
    const ofWeight = once(() => (isPlain ? sumToChannels(mul(g, normalized())) : lineOf(sums(), 1)));
    return [
      () => (isPlain ? mul(g, alongChannels(factor(), g)) : channelNormBackward(op, g, x, norm, undefined)),
      () => affine(mul(factor(), ofBias()), -1, 0),
      () => affine(mul(mul(factor(), rstd()), ofWeight()), -0.5, 0),
      ...affineThunks(attributes, ofWeight, ofBias),
    ];
  },
});

/** Running statistics, scale and shift, and whether the batch's own statistics are taken. */
export interface BatchNormOptions {
  /** Of shape [C]; 1 by default. */
  weight?: Tensor | null;
  /** Of shape [C]; 0 by default. */
  bias?: Tensor | null;
  /** Of shape [C]. Training moves them in place; otherwise they are what is normalised by, and are needed. */
  runningMean?: Tensor | null;
  runningVariance?: Tensor | null;
  /** Whether to normalise by the statistics of the batch. */
  training?: boolean;
  /** Weight of the batch when running statistics move: running = (1 − momentum) · running + momentum · batch. */
  momentum?: number;
  /** Added to the variance. */
  epsilon?: number;
}

/**
 * Batch normalisation of x [N, C, …] (arXiv:1502.03167): y = (x − mean) / √(variance + ε) · weight + bias.
 *
 * In training mean and biased variance are those of each channel over the batch, and the running statistics, where
 * given, move in place (the variance by the unbiased one). Otherwise the running statistics take their place.
 *
 * @throws when a vector is not of shape [C], when training finds but one value a channel, or when running statistics
 * are missing outside of training.
 */
export function batchNorm(x: Tensor, options: BatchNormOptions = {}): Tensor {
  const { weight, bias, runningMean, runningVariance, training = false, momentum = 0.1, epsilon = 1e-5 } = options;
  const { inputs, attributes } = affineInputs(weight, bias);
  if (training) {
    const running = { runningMean: runningMean ?? undefined, runningVariance: runningVariance ?? undefined };
    return batchNormOp([x, ...inputs], { ...attributes, epsilon, momentum, ...running });
  }
  if (!runningMean || !runningVariance) {
    throw new Error(`${NAME}: a running mean and a running variance are needed outside of training`);
  }
  return batchNormInferenceOp([x, runningMean, runningVariance, ...inputs], { ...attributes, epsilon });
}
