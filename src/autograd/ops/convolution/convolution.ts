import type { ConvolutionGeometry, Two } from "../../../kernels/convolution/geometry.ts";
import { requireFloat32 } from "../../../kernels/launch.ts";
import { formatShape, requireTensors, type Tensor, tidy } from "../../../tensor/index.ts";
import { reshape } from "../shape/views.ts";
import { checkConvolution, conv2dInputGradientOp, conv2dOp, inferConvolution } from "./primitives.ts";

/** One number for rows and columns alike, or one for each. */
export type Pair = number | readonly [rows: number, columns: number];

/**
 * Zeros around an image: for both sides alike, or as [[top, bottom], [left, right]]. "valid" pads nothing; "same" pads so
 * that the output has ⌈input / stride⌉ rows and columns, the odd zero behind.
 */
export type Padding2d =
  | Pair
  | readonly [readonly [top: number, bottom: number], readonly [left: number, right: number]]
  | "same"
  | "valid";

/** Geometry of {@link conv2d}, in elements of its input: one number for both axes, or one each. */
export interface Conv2dOptions {
  /** Pixels from one window to the next. */
  stride?: Pair;
  padding?: Padding2d;
  /** Pixels from one tap of the kernel to the next. */
  dilation?: Pair;
  /** Input and output channels fall into so many groups, each convolved on its own. */
  groups?: number;
}

/** Geometry of {@link conv1d}, in elements of its input. */
export interface Conv1dOptions {
  stride?: number;
  /** For both sides alike, or as [before, after], or "same" or "valid". */
  padding?: number | readonly [before: number, after: number] | "same" | "valid";
  dilation?: number;
  groups?: number;
}

/** Geometry of the convolution whose transpose is made, and what its result has more than the least size. */
export interface ConvTranspose2dOptions {
  stride?: Pair;
  /** What the convolution it transposes pads: taken off the output. */
  padding?: Pair | readonly [readonly [top: number, bottom: number], readonly [left: number, right: number]];
  /** Rows and columns added at the end: less than the stride or the dilation. */
  outputPadding?: Pair;
  dilation?: Pair;
  groups?: number;
}

function integer(op: string, name: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least) {
    throw new Error(`${op}: expected ${name} to be an integer of at least ${least}, got ${value}`);
  }
  return value;
}

function pair(op: string, name: string, value: Pair, least: number): Two {
  const [rows, columns] = typeof value === "number" ? [value, value] : requirePair(op, name, value);
  return [integer(op, name, rows, least), integer(op, name, columns, least)];
}

function requirePair<T extends readonly [unknown, unknown]>(op: string, name: string, value: T): T {
  if (Array.isArray(value) && value.length === 2) return value;
  const words = name === "padding" ? ', "same", "valid"' : "";
  throw new Error(`${op}: expected ${name} to be a number${words} or a pair, got ${JSON.stringify(value)}`);
}

/** Zeros before and after one axis. */
function sides(op: string, value: number | Two): Two {
  const [before, after] = typeof value === "number" ? [value, value] : requirePair(op, "padding", value);
  return [integer(op, "padding", before, 0), integer(op, "padding", after, 0)];
}

/** Padding that gives ⌈length / stride⌉ outputs. */
function samePadding(length: number, kernel: number, stride: number, dilation: number): Two {
  const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + (kernel - 1) * dilation + 1 - length);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

function geometryOf(
  op: string,
  x: readonly number[],
  weight: readonly number[],
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: Conv2dOptions,
): ConvolutionGeometry {
  const steps = pair(op, "stride", stride, 1);
  const spread = pair(op, "dilation", dilation, 1);
  const around = ((): readonly [Two, Two] => {
    if (padding === "same") {
      const along = (axis: 0 | 1): Two => samePadding(x[2 + axis], weight[2 + axis], steps[axis], spread[axis]);
      return [along(0), along(1)];
    }
    if (padding === "valid") return [sides(op, 0), sides(op, 0)];
    const [rows, columns] = typeof padding === "number" ? [padding, padding] : requirePair(op, "padding", padding);
    return [sides(op, rows), sides(op, columns)];
  })();
  return { stride: steps, padding: around, dilation: spread, groups: integer(op, "groups", groups, 1) };
}

/**
 * Two-dimensional convolution (cross-correlation, as in every deep-learning library):
 *
 *     y[n, o, p] = bias[o] + Σ_c Σ_t weight[o, c, t] · x[n, c of o's group, stride · p + dilation · t − padding]
 *
 * with zeros outside of the image. x is [N, C, H, W], weight [O, C / groups, KH, KW], bias [O], y [N, O, OH, OW] with
 * OH = ⌊(H + top + bottom − dilation · (KH − 1) − 1) / stride⌋ + 1. A depthwise convolution has groups = C. Products
 * are added tap by tap, row by row of the kernel, and within a tap channel by channel; the bias comes last.
 *
 * @throws when shapes do not fit, groups do not divide the channels, or the kernel is larger than the padded input.
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options: Conv2dOptions = {}): Tensor {
  requireTensors("conv2d", bias ? [x, weight, bias] : [x, weight]);
  const groups = integer("conv2d", "groups", options.groups ?? 1, 1);
  // "same" needs shapes that fit; the op checks the rest.
  checkConvolution("conv2d", x.shape, weight.shape, bias?.shape, groups);
  const geometry = geometryOf("conv2d", x.shape, weight.shape, options);
  return conv2dOp(bias ? [x, weight, bias] : [x, weight], geometry);
}

/**
 * One-dimensional convolution: x [N, C, L], weight [O, C / groups, K], bias [O], y [N, O, OL] with
 * OL = ⌊(L + before + after − dilation · (K − 1) − 1) / stride⌋ + 1. It is {@link conv2d} of images with one row.
 *
 * @throws as conv2d does.
 */
export function conv1d(x: Tensor, weight: Tensor, bias?: Tensor, options: Conv1dOptions = {}): Tensor {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  requireTensors("conv1d", bias ? [x, weight, bias] : [x, weight]);
  if (x.rank !== 3 || weight.rank !== 3) {
    throw new Error(
      `conv1d: expected an input [N, C, L] and a weight [O, C / groups, K], got ${formatShape(x.shape)} and ${formatShape(weight.shape)}`,
    );
  }
  integer("conv1d", "groups", groups, 1);
  const row = ([outer, channels, length]: readonly number[]): number[] => [outer, channels, 1, length];
  checkConvolution("conv1d", row(x.shape), row(weight.shape), bias?.shape, groups);
  const geometry = geometryOf("conv1d", row(x.shape), row(weight.shape), {
    stride: [1, stride],
    padding: typeof padding === "string" ? padding : [[0, 0], sides("conv1d", padding)],
    dilation: [1, dilation],
    groups,
  });
  return tidy(() => {
    const inputs = [reshape(x, row(x.shape)), reshape(weight, row(weight.shape)), ...(bias ? [bias] : [])];
    inferConvolution("conv1d", inputs, geometry);
    const y = conv2dOp(inputs, geometry);
    return reshape(y, [y.shape[0], y.shape[1], y.shape[3]]);
  });
}

/**
 * Two-dimensional transposed convolution: the gradient of {@link conv2d} with respect to its input, as an op of its own
 * ("deconvolution"). Each x[n, c, p] adds weight[c, o, t] · x to y[n, o, stride · p + dilation · t − padding].
 *
 * x is [N, C, H, W], weight [C, O / groups, KH, KW], bias [O], y [N, O, OH, OW] with
 * OH = (H − 1) · stride − top − bottom + dilation · (KH − 1) + outputPadding + 1.
 *
 * @throws when shapes do not fit, groups do not divide the channels, or nothing is left of the output.
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options: ConvTranspose2dOptions = {},
): Tensor {
  const op = "convTranspose2d";
  requireTensors(op, bias ? [x, weight, bias] : [x, weight]);
  requireFloat32(op, x, weight, ...(bias ? [bias] : []));
  if (x.rank !== 4 || weight.rank !== 4) {
    throw new Error(
      `${op}: expected an input [N, C, H, W] and a weight [C, O / groups, KH, KW], got ${formatShape(x.shape)} and ${formatShape(weight.shape)}`,
    );
  }
  const { outputPadding = 0, ...rest } = options;
  const geometry = geometryOf(op, x.shape, weight.shape, rest);
  const { stride, padding, dilation, groups } = geometry;
  if (weight.shape[0] !== x.shape[1] || weight.shape[0] % groups !== 0) {
    throw new Error(
      `${op}: input ${formatShape(x.shape)} in ${groups} groups needs a weight [${x.shape[1]}, O / groups, KH, KW] with groups that divide ${x.shape[1]}, got ${formatShape(weight.shape)}`,
    );
  }
  const outputs = weight.shape[1] * groups;
  if (bias && (bias.rank !== 1 || bias.size !== outputs)) {
    throw new Error(
      `${op}: weight ${formatShape(weight.shape)} in ${groups} groups needs a bias of shape [${outputs}], got ${formatShape(bias.shape)}`,
    );
  }
  const added = pair(op, "outputPadding", outputPadding, 0);
  const along = (axis: 0 | 1): number => {
    if (added[axis] >= Math.max(stride[axis], dilation[axis])) {
      throw new Error(
        `${op}: outputPadding ${added[axis]} must be less than the stride ${stride[axis]} or the dilation ${dilation[axis]}`,
      );
    }
    const extent = (x.shape[2 + axis] - 1) * stride[axis] + dilation[axis] * (weight.shape[2 + axis] - 1) + 1;
    const length = extent - padding[axis][0] - padding[axis][1] + added[axis];
    if (length < 1 || x.shape[2 + axis] < 1) {
      throw new Error(
        `${op}: input ${formatShape(x.shape)} with weight ${formatShape(weight.shape)}, stride ${stride.join("×")} and padding ${JSON.stringify(padding)} leaves no output`,
      );
    }
    return length;
  };
  const size: Two = [along(0), along(1)];
  return conv2dInputGradientOp(bias ? [x, weight, bias] : [x, weight], { ...geometry, size });
}
