import normSource from "../../../shaders/normalization/channel-norm.wgsl";
import backwardSource from "../../../shaders/normalization/channel-norm-backward.wgsl";
import sumsSource from "../../../shaders/normalization/channel-norm-sums.wgsl";
import { defineKernel, listVariants } from "../../gpu/index.ts";
import { reshapeView, type Tensor } from "../../tensor/index.ts";
import { contiguous, copy } from "../copy.ts";
import { gridOf, launch, output, ROW_VARIANTS, rowGrid, rowVariant } from "../launch.ts";
import { reduce } from "../reduction/reduce.ts";
import * as REDUCTIONS from "../reduction/reduction-functions.ts";
import { forFlatWindows } from "../windows.ts";
import { type ChannelLayout, chunksOf, forChannelWindows, type Moments } from "./channel-moments.ts";

const normKernel = defineKernel({
  name: "channel-norm",
  source: normSource,
  bindings: { x: "read", mean: "read", variance: "read", weight: "read", bias: "read", y: "read_write" },
  params: {
    count: "u32",
    begin: "u32",
    inner: "u32",
    channels: "u32",
    span: "u32",
    statistics: "u32",
    hasWeight: "u32",
    hasBias: "u32",
    epsilon: "f32",
    xOffset: "u32",
    meanOffset: "u32",
    varianceOffset: "u32",
    weightOffset: "u32",
    biasOffset: "u32",
    yOffset: "u32",
  },
});

const sumsKernel = defineKernel({
  name: "channel-norm-sums",
  source: sumsSource,
  bindings: { g: "read", x: "read", mean: "read", variance: "read", y: "read_write" },
  params: {
    rows: "u32",
    channels: "u32",
    inner: "u32",
    total: "u32",
    chunk: "u32",
    stride: "u32",
    firstChunk: "u32",
    firstChannel: "u32",
    perStatistic: "u32",
    epsilon: "f32",
    gOffset: "u32",
    xOffset: "u32",
    meanOffset: "u32",
    varianceOffset: "u32",
    yOffset: "u32",
  },
});
listVariants(sumsKernel, () => ROW_VARIANTS);

const backwardKernel = defineKernel({
  name: "channel-norm-backward",
  source: backwardSource,
  bindings: {
    g: "read",
    x: "read",
    mean: "read",
    variance: "read",
    weight: "read",
    sums: "read",
    dx: "read_write",
  },
  params: {
    count: "u32",
    begin: "u32",
    inner: "u32",
    channels: "u32",
    span: "u32",
    statistics: "u32",
    hasWeight: "u32",
    fixed: "u32",
    unweighted: "u32",
    share: "f32",
    epsilon: "f32",
    gOffset: "u32",
    xOffset: "u32",
    meanOffset: "u32",
    varianceOffset: "u32",
    weightOffset: "u32",
    sumsOffset: "u32",
    dxOffset: "u32",
  },
});

/** What is normalised by which statistics: element i of x by those at ⌊i / span⌋ mod their number. */
export interface ChannelNorm extends Moments {
  readonly epsilon: number;
  /** Elements in a row with the same statistics. */
  readonly span: number;
  /** Of shape [channels]: the factor of axis 1 of x. */
  readonly weight?: Tensor;
}

/** Without gaps, wherever it starts: enough for what is read one element at a time. */
const dense = (x: Tensor): Tensor => (x.isContiguous ? x : copy(x));

const placesOf = (x: Tensor, { span, mean, weight, epsilon }: ChannelNorm): Record<string, number> => ({
  inner: x.size / x.shape[0] / x.shape[1],
  channels: x.shape[1],
  span,
  statistics: mean.size,
  hasWeight: weight ? 1 : 0,
  epsilon,
});

/** y = (x − mean) / √(variance + ε) · weight + bias for x [N, C, …]. */
export function channelNormForward(op: string, x: Tensor, norm: ChannelNorm, bias: Tensor | undefined): Tensor {
  const y = output(op, x, x.shape);
  if (x.size === 0) return y;
  const { mean, variance, weight } = norm;
  const small = [mean, variance, weight ?? mean, bias ?? mean].map(dense);
  const params = { ...placesOf(x, norm), hasBias: bias ? 1 : 0 };
  forFlatWindows([contiguous(x), y], ([source, target], count, begin) => {
    launch(
      op,
      normKernel.variant(),
      [source, ...small, target],
      { ...params, count, begin },
      gridOf(Math.ceil(count / 4)),
    );
  });
  return y;
}

/** Σ g and Σ g · normalised of each channel of a layout, as [2, channels]; `perStatistic` channels share statistics. */
export function channelNormSums(
  op: string,
  g: Tensor,
  x: Tensor,
  norm: ChannelNorm,
  layout: ChannelLayout,
  perStatistic = 1,
): Tensor {
  const tensors = [contiguous(g), contiguous(x)];
  const { channels } = layout;
  const chunks = chunksOf(op, tensors, layout);
  const partial = output(op, x, [chunks, 2, channels]);
  const spec = rowVariant(x);
  const small = [dense(norm.mean), dense(norm.variance)];
  forChannelWindows(op, tensors, layout, (windows, part) => {
    const params = { ...part, stride: channels, perStatistic, epsilon: norm.epsilon };
    launch(op, sumsKernel.variant(spec), [...windows, ...small, partial], params, rowGrid(part.rows, spec));
  });
  return reshapeView(chunks === 1 ? partial : reduce(op, partial, REDUCTIONS.sum, [0]), [2, channels])!;
}

/** What of the incoming gradient all elements under the same statistics share. */
export interface SharedSums {
  /** [2, statistics]: Σ gw and Σ gw · normalised, gw = g · weight. */
  readonly sums: Tensor;
  /** The sums are of g: each statistic stands under one weight, which is still to be multiplied. */
  readonly unweighted: boolean;
}

/**
 * dx = (gw − mean gw − normalised · mean(gw · normalised)) / √(variance + ε), gw = g · weight. Without `shared` the
 * statistics are constants: dx = gw / √(variance + ε).
 */
export function channelNormBackward(
  op: string,
  g: Tensor,
  x: Tensor,
  norm: ChannelNorm,
  shared: SharedSums | undefined,
): Tensor {
  const dx = output(op, x, x.shape);
  if (x.size === 0) return dx;
  const { mean, variance, weight } = norm;
  const small = [mean, variance, weight ?? mean, shared?.sums ?? mean].map(dense);
  const params = {
    ...placesOf(x, norm),
    fixed: shared ? 0 : 1,
    unweighted: shared?.unweighted ? 1 : 0,
    share: mean.size / x.size,
  };
  forFlatWindows([contiguous(g), contiguous(x), dx], ([gradient, source, target], count, begin) => {
    const tensors = [gradient, source, ...small, target];
    launch(op, backwardKernel.variant(), tensors, { ...params, count, begin }, gridOf(Math.ceil(count / 4)));
  });
  return dx;
}
