import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import { allAxes } from "../compose.ts";
import type { Implementation, Node, OperatorTable } from "../node.ts";
import { resampleAxis } from "../resample.ts";
import { convolve, convolveTransposed, pool, samePadding, type WindowAxis } from "../windows.ts";
import { activated } from "./elementwise.ts";
import { operand } from "./operands.ts";

/** Channels behind the spatial axes to channels in front of them, and back. */
const channelsFirst = (x: Tensor): Tensor => api.permute(x, [0, x.rank - 1, ...allAxes(x).slice(1, -1)]);
const channelsLast = (x: Tensor): Tensor => api.permute(x, [0, ...allAxes(x).slice(2), 1]);

/** Runs `work` on x as [N, C, …], whatever its layout, and without a batch axis too. */
function inChannelsFirst(node: Node, x: Tensor, spatial: number, work: (x: Tensor) => Tensor): Tensor {
  const isSingle = x.rank === spatial + 1;
  const batch = isSingle ? api.unsqueeze(x, 0) : x;
  const isFirst = node.text("dataFormat", "NHWC").startsWith("NC");
  const y = isFirst ? work(batch) : channelsLast(work(channelsFirst(batch)));
  return isSingle ? api.squeeze(y, [0]) : y;
}

/** [spatial…, in, out] to [out, in, spatial…]. */
const filterFirst = (filter: Tensor): Tensor =>
  api.permute(filter, [filter.rank - 1, filter.rank - 2, ...allAxes(filter).slice(0, -2)]);

const repeatedTo = (values: readonly number[], count: number): number[] =>
  values.length === 1 ? new Array<number>(count).fill(values[0]) : values.slice(-count);

const ROUNDINGS: Readonly<Record<string, (value: number) => number>> = {
  floor: Math.floor,
  ceil: Math.ceil,
  round: Math.round,
};

/** The windows of a node over the spatial lengths of its input. */
function axesOf(node: Node, lengths: readonly number[], kernel: readonly number[]): WindowAxis[] {
  const count = lengths.length;
  const strides = repeatedTo(node.numbers("strides") ?? node.numbers("stride") ?? [1], count);
  const dilations = repeatedTo(node.numbers("dilations") ?? node.numbers("dilation") ?? [1], count);
  const pad = node.attribute("pad") ?? 0;
  const isFirst = node.text("dataFormat", "NHWC").startsWith("NC");
  return lengths.map((length, i) => {
    const window = { kernel: kernel[i], stride: strides[i], dilation: dilations[i] };
    if (pad === "valid") return { ...window, before: 0, after: 0 };
    if (pad === "same") return { ...window, ...samePadding(length, window.kernel, window.stride, window.dilation) };
    const pairs = pad as number[][];
    const [before, after] = typeof pad === "number" ? [pad, pad] : pairs[(isFirst ? 2 : 1) + i];
    const steps = (length + before + after - (window.kernel - 1) * window.dilation - 1) / window.stride;
    const rounded = (ROUNDINGS[node.text("dimRoundingMode", "floor")] ?? Math.floor)(steps + 1);
    return { ...window, before, after, size: rounded };
  });
}

/** Output sizes that a rounding asks for need more padding behind. */
const grown = (axes: readonly WindowAxis[], lengths: readonly number[]): WindowAxis[] =>
  axes.map((axis, i) => {
    if (axis.size === undefined) return axis;
    const covered = (axis.size - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
    return { ...axis, after: Math.max(axis.after, covered - lengths[i] - axis.before) };
  });

function convolution(node: Node, x: Tensor, filter: Tensor, groups = 1): Tensor {
  const spatial = filter.rank - 2;
  return inChannelsFirst(node, x, spatial, (batch) => {
    const lengths = batch.shape.slice(2);
    return convolve(batch, filterFirst(filter), undefined, grown(axesOf(node, lengths, filter.shape), lengths), groups);
  });
}

/** [h, w, in, multiplier] as the filter of a convolution with a group for each channel: [h, w, 1, in · multiplier]. */
function depthwise(node: Node, x: Tensor, filter: Tensor): Tensor {
  const [h, w, channels, multiplier] = filter.shape;
  return convolution(node, x, api.reshape(filter, [h, w, 1, channels * multiplier]), channels);
}

/** A bias or slope of each channel, broadcast against [N, C, …] where the channels come first. */
function perChannel(node: Node, key: string, spatial: number): Tensor | undefined {
  const parameter = node.optional(key);
  const isFirst = node.text("dataFormat", "NHWC").startsWith("NC");
  if (!parameter || !isFirst || parameter.rank !== 1) return parameter;
  return api.reshape(parameter, [-1, ...new Array<number>(spatial).fill(1)]);
}

function finished(node: Node, y: Tensor, spatial: number): Tensor {
  const bias = perChannel(node, "bias", spatial);
  return activated(node, bias ? api.add(y, bias) : y, perChannel(node, "preluActivationWeights", spatial));
}

/** The transpose of the convolution that makes x of something of the output's shape. */
function transposedConvolution(node: Node): Tensor {
  const [x, filter] = [operand(node, "x"), operand(node, "filter")];
  const spatial = filter.rank - 2;
  const wanted = node.numbers("outputShape")!.slice(-spatial - 1, -1);
  return inChannelsFirst(node, x, spatial, (batch) => {
    const axes = axesOf(node, wanted, filter.shape).map((axis, i) => ({ ...axis, size: wanted[i] }));
    // [spatial…, out, in] to [in, out, spatial…]
    return convolveTransposed(batch, filterFirst(filter), undefined, axes, 1);
  });
}

const pooling =
  (kind: "max" | "average", spatial: number): Implementation =>
  (node) => {
    const x = operand(node, "x", "input");
    return inChannelsFirst(node, x, spatial, (batch) => {
      const lengths = batch.shape.slice(2);
      const kernel = repeatedTo(node.numbers("filterSize") ?? node.numbers("windowShape")!, spatial);
      return pool(batch, kind, axesOf(node, lengths, kernel));
    });
  };

/** (x − mean) / √(variance + ε) · scale + offset with given statistics, which have the shape of x or of its last axis. */
const batchNorm: Implementation = (node) => {
  const [x, mean, variance] = [operand(node, "x"), operand(node, "mean"), operand(node, "variance")];
  const [offset, scale] = [node.optional("offset"), node.optional("scale")];
  const epsilon = node.number("varianceEpsilon", 0.001);
  const isOurs = [mean, variance, offset, scale].every((p) => !p || p.rank === 1) && !mean.node && !mean.requiresGrad;
  if (isOurs && !variance.node && !variance.requiresGrad) {
    const options = { weight: scale, bias: offset, runningMean: mean, runningVariance: variance, epsilon };
    return channelsLast(api.batchNorm(channelsFirst(x), options));
  }
  const y = api.mul(api.sub(x, mean), api.rsqrt(api.add(variance, epsilon)));
  const scaled = scale ? api.mul(y, scale) : y;
  return offset ? api.add(scaled, offset) : scaled;
};

/** Images [N, H, W, C] to another size: by our op where it has the convention, otherwise axis by axis. */
const resize =
  (mode: "linear" | "nearest"): Implementation =>
  (node) =>
    inChannelsFirst(node, operand(node, "images"), 2, (x) => {
      const size = node.numbers("size") as [number, number];
      const [isAligned, isHalf] = [node.flag("alignCorners", false), node.flag("halfPixelCenters", false)];
      if (mode === "linear" && isAligned !== isHalf) {
        return api.interpolate(x, { size, mode: "bilinear", alignCorners: isAligned });
      }
      if (mode === "nearest" && !isAligned && !isHalf) return api.interpolate(x, { size, mode: "nearest" });
      return size.reduce((current, length, i) => {
        const old = x.shape[2 + i];
        const ratio = isAligned && length > 1 ? (old - 1) / (length - 1) : old / length;
        const round = isAligned ? (at: number) => Math.floor(at + 0.5) : Math.floor;
        const place = (o: number): number => {
          if (!isHalf) return o * ratio;
          return mode === "nearest" ? (o + 0.5) * ratio : (o + 0.5) * ratio - 0.5;
        };
        return resampleAxis(current, { axis: 2 + i, size: length, mode, place, round });
      }, x);
    });

function matMul(node: Node): Tensor {
  const turned = (x: Tensor, attribute: string): Tensor => (node.flag(attribute, false) ? api.transpose(x, -2, -1) : x);
  return api.matmul(turned(operand(node, "a"), "transposeA"), turned(operand(node, "b"), "transposeB"));
}

export const neural: OperatorTable = {
  conv1d: (node) => convolution(node, operand(node, "x"), operand(node, "filter")),
  conv2d: (node) => convolution(node, operand(node, "x"), operand(node, "filter")),
  conv3d: (node) => convolution(node, operand(node, "x"), operand(node, "filter")),
  depthwiseConv2d: (node) => depthwise(node, operand(node, "x"), operand(node, "filter")),
  separableConv2d: (node) => {
    const depth = depthwise(node, operand(node, "x"), operand(node, "depthwiseFilter"));
    const pointwise = filterFirst(operand(node, "pointwiseFilter"));
    return inChannelsFirst(node, depth, 2, (x) => api.conv2d(x, pointwise));
  },
  "fused.conv2d": (node) => finished(node, convolution(node, operand(node, "x"), operand(node, "filter")), 2),
  "fused.depthwiseConv2d": (node) => finished(node, depthwise(node, operand(node, "x"), operand(node, "filter")), 2),
  conv2dTranspose: transposedConvolution,
  conv3dTranspose: transposedConvolution,

  avgPool: pooling("average", 2),
  maxPool: pooling("max", 2),
  avgPool3d: pooling("average", 3),
  maxPool3d: pooling("max", 3),
  pool: (node) => pooling(node.text("poolingType", "max") === "avg" ? "average" : "max", 2)(node),

  batchNorm,
  batchNorm2d: batchNorm,
  batchNorm3d: batchNorm,
  batchNorm4d: batchNorm,
  /** x / (bias + α Σ x²)^β over neighbouring channels. */
  localResponseNormalization: (node) => {
    const x = operand(node, "x");
    const radius = node.number("depthRadius", 5);
    const last = x.rank - 1;
    const padded = api.pad(
      api.square(x),
      x.shape.map((_, axis) => (axis === last ? [radius, radius] : [0, 0])),
    );
    const shifts = Array.from({ length: 2 * radius + 1 }, (_, i) => api.slice(padded, last, i, i + x.shape[last]));
    const sums = shifts.reduce((a, b) => api.add(a, b));
    const base = api.add(api.mul(sums, node.number("alpha", 1)), node.number("bias", 1));
    return api.mul(x, api.pow(base, -node.number("beta", 0.5)));
  },
  resizeBilinear: resize("linear"),
  "image.resizeBilinear": resize("linear"),
  resizeNearestNeighbor: resize("nearest"),
  "image.resizeNearestNeighbor": resize("nearest"),

  matMul,
  "fused.matMul": (node) => finished(node, matMul(node), 0),
  dot: (node) => api.matmul(operand(node, "t1"), operand(node, "t2")),
  outerProduct: (node) => api.outer(operand(node, "v1"), operand(node, "v2")),
  einsum: (node) => api.einsum(node.text("equation", ""), ...node.inputKeys().map((key) => node.input(key))),
};
