import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import { NotApplicableError } from "../cases.ts";
import { allAxes, filled } from "../compose.ts";
import type { Implementation, Node, OperatorTable } from "../node.ts";
import {
  convolve,
  convolveTransposed,
  maxPositions,
  type PoolKind,
  pool,
  samePadding,
  type WindowAxis,
} from "../windows.ts";
import { flatten } from "./shape.ts";

/** The spatial axes of a node; pads are all the fronts, then all the ends. */
function axesOf(node: Node, x: Tensor, kernel: readonly number[]): WindowAxis[] {
  const count = kernel.length;
  const pads = node.numbers("pads") ?? new Array<number>(2 * count).fill(0);
  const autoPad = node.text("auto_pad", "NOTSET");
  return kernel.map((length, i) => {
    const stride = node.numbers("strides")?.[i] ?? 1;
    const dilation = node.numbers("dilations")?.[i] ?? 1;
    const around = autoPad.startsWith("SAME")
      ? samePadding(x.shape[2 + i], length, stride, dilation, autoPad === "SAME_LOWER")
      : autoPad === "VALID"
        ? { before: 0, after: 0 }
        : { before: pads[i], after: pads[i + count] };
    return { kernel: length, stride, dilation, ...around };
  });
}

function convTranspose(node: Node): Tensor {
  const [x, weight] = [node.input(0), node.input(1)];
  const extra = node.numbers("output_padding") ?? [];
  const wanted = node.numbers("output_shape")?.slice(-(x.rank - 2));
  const autoPad = node.text("auto_pad", "NOTSET");
  const axes = axesOf(node, x, weight.shape.slice(2)).map((axis, i): WindowAxis => {
    const length = x.shape[2 + i];
    const full = (length - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1 + (extra[i] ?? 0);
    const size = wanted?.[i] ?? (autoPad.startsWith("SAME") ? length * axis.stride : undefined);
    if (size === undefined) return { ...axis, size: full - axis.before - axis.after };
    // The shape decides what is taken off: the odd element in front, unless SAME_UPPER puts it behind.
    const total = Math.max(0, full - size);
    const half = Math.floor(total / 2);
    return { ...axis, before: autoPad === "SAME_UPPER" ? half : total - half, size };
  });
  return convolveTransposed(x, weight, node.optional(2), axes, node.number("group", 1));
}

const pooling =
  (kind: PoolKind): Implementation =>
  (node) => {
    const x = node.input(0);
    const axes = axesOf(node, x, node.numbers("kernel_shape")!);
    const ceil = node.flag("ceil_mode", false);
    const y = pool(x, kind, axes, { ceil, countPadding: node.flag("count_include_pad", false) });
    if (kind !== "max" || !node.wants(1)) return y;
    return [y, maxPositions(x, axes, { ceil, columnMajor: node.number("storage_order", 0) === 1 })];
  };

const overAll =
  (reduce: typeof api.mean): Implementation =>
  (node) =>
    reduce(node.input(0), allAxes(node.input(0)).slice(2), true);

/** Channels are axis 1; broadcast a parameter of theirs against x. */
const perChannel = (parameter: Tensor, x: Tensor): Tensor =>
  api.reshape(
    parameter,
    allAxes(x).map((axis) => (axis === 1 ? x.shape[1] : 1)),
  );

function batchNormalization(node: Node): readonly Tensor[] {
  const [x, weight, bias, mean, variance] = [0, 1, 2, 3, 4].map((i) => node.input(i));
  const epsilon = node.number("epsilon", 1e-5);
  if (!node.flag("training_mode", false)) {
    return [api.batchNorm(x, { weight, bias, runningMean: mean, runningVariance: variance, epsilon })];
  }
  const axes = allAxes(x).filter((axis) => axis !== 1);
  const momentum = node.number("momentum", 0.9);
  const [ownMean, ownVariance] = [api.mean(x, axes), api.variance(x, axes, { correction: 0 })];
  const running = (before: Tensor, now: Tensor): Tensor =>
    api.add(api.mul(before, momentum), api.mul(now, 1 - momentum));
  const y = api.batchNorm(x, { weight, bias, training: true, epsilon });
  return [y, running(mean, ownMean), running(variance, ownVariance)];
}

function layerNormalization(node: Node): readonly Tensor[] {
  const [x, scale, bias] = [node.input(0), node.optional(1), node.optional(2)];
  const axis = node.number("axis", -1);
  const axes = allAxes(x).slice(axis);
  const epsilon = node.number("epsilon", 1e-5);
  const normalizedShape = axes.map((along) => x.shape[along]);
  const fitted = (parameter: Tensor | undefined): Tensor | undefined =>
    parameter && api.reshape(api.contiguous(api.expand(parameter, normalizedShape)), normalizedShape);
  const y = api.layerNorm(x, fitted(scale), fitted(bias), { epsilon, normalizedShape });
  if (!node.wants(1) && !node.wants(2)) return [y];
  const variance = api.variance(x, axes, { correction: 0, keepDimensions: true });
  return [y, api.mean(x, axes, true), api.reciprocal(api.sqrt(api.add(variance, epsilon)))];
}

/** Softmax and its like ran over everything from `axis` on before opset 13. */
function overAxis(node: Node, compute: (x: Tensor, axis: number) => Tensor): Tensor {
  const x = node.input(0);
  if (node.opset >= 13 || node.opset === 0) return compute(x, node.number("axis", -1));
  return api.reshape(compute(flatten(x, node.number("axis", 1)), 1), x.shape);
}

function gemm(node: Node): Tensor {
  const turned = (x: Tensor, attribute: string): Tensor => (node.flag(attribute, false) ? api.transpose(x, 0, 1) : x);
  const product = api.matmul(turned(node.input(0), "transA"), turned(node.input(1), "transB"));
  const scaled = api.mul(product, node.number("alpha", 1));
  const c = node.optional(2);
  return c ? api.add(scaled, api.mul(c, node.number("beta", 1))) : scaled;
}

/** Nothing is dropped unless training; a rate of 0 drops nothing then either. */
function dropout(node: Node): readonly Tensor[] {
  const x = node.input(0);
  const isTraining = (node.host(2)?.[0] ?? 0) !== 0;
  const rate = node.has("ratio") ? node.number("ratio") : (node.host(1)?.[0] ?? 0.5);
  if (isTraining && rate > 0) throw new NotApplicableError("random numbers of another generator");
  return [x, filled(x.shape, 1, "bool")];
}

export const neural: OperatorTable = {
  Conv: (node) => {
    const [x, weight] = [node.input(0), node.input(1)];
    const axes = axesOf(node, x, weight.shape.slice(2));
    return convolve(x, weight, node.optional(2), axes, node.number("group", 1));
  },
  ConvTranspose: convTranspose,
  AveragePool: pooling("average"),
  MaxPool: pooling("max"),
  GlobalAveragePool: overAll(api.mean),
  GlobalMaxPool: overAll(api.max),
  LRN: (node) => {
    const x = node.input(0);
    const size = node.number("size");
    const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
    const widths = allAxes(x).map((axis): [number, number] => (axis === 1 ? [before, after] : [0, 0]));
    const squares = api.pad(api.square(x), widths);
    const windows = Array.from({ length: size }, (_, i) => api.slice(squares, 1, i, i + x.shape[1]));
    const sum = windows.reduce((a, b) => api.add(a, b));
    const base = api.add(api.mul(sum, node.number("alpha", 0.0001) / size), node.number("bias", 1));
    return api.div(x, api.pow(base, node.number("beta", 0.75)));
  },

  BatchNormalization: batchNormalization,
  InstanceNormalization: (node) =>
    api.instanceNorm(node.input(0), node.input(1), node.input(2), node.number("epsilon", 1e-5)),
  LayerNormalization: layerNormalization,
  RMSNormalization: (node) => {
    const [x, scale] = [node.input(0), node.input(1)];
    const normalizedShape = x.shape.slice(node.number("axis", -1));
    const epsilon = node.number("epsilon", 1e-5);
    if (`${scale.shape}` === `${normalizedShape}`) return api.rmsNorm(x, scale, { epsilon, normalizedShape });
    return api.mul(api.rmsNorm(x, undefined, { epsilon, normalizedShape }), scale);
  },
  GroupNormalization: (node) => {
    const [x, scale, bias] = [node.input(0), node.input(1), node.input(2)];
    const groups = node.number("num_groups");
    const epsilon = node.number("epsilon", 1e-5);
    if (scale.shape[0] === x.shape[1]) return api.groupNorm(x, groups, scale, bias, epsilon);
    // Before opset 21 there is one scale for a group.
    const spread = (parameter: Tensor): Tensor => {
      const columns = api.expand(api.unsqueeze(parameter, 1), [groups, x.shape[1] / groups]);
      return perChannel(api.reshape(columns, [-1]), x);
    };
    return api.add(api.mul(api.groupNorm(x, groups, undefined, undefined, epsilon), spread(scale)), spread(bias));
  },

  Softmax: (node) => overAxis(node, (x, axis) => api.softmax(x, axis)),
  LogSoftmax: (node) => overAxis(node, (x, axis) => api.logSoftmax(x, axis)),
  Hardmax: (node) =>
    overAxis(node, (x, axis) => {
      const last = x.rank - 1;
      const swapped = api.transpose(x, axis, last);
      return api.transpose(api.oneHot(api.argmax(swapped, last), swapped.shape[last]), axis, last);
    }),
  MatMul: (node) => api.matmul(node.input(0), node.input(1)),
  Gemm: gemm,
  Einsum: (node) => api.einsum(node.text("equation", "").replaceAll(" ", ""), ...node.inputs().map((x) => x!)),
  Dropout: dropout,
};
