import {
  convolveInputGradientInto,
  convolveInto,
  convolveWeightGradient,
} from "../../../kernels/convolution/convolve.ts";
import type { ConvolutionGeometry, Two } from "../../../kernels/convolution/geometry.ts";
import { output, requireFloat32 } from "../../../kernels/launch.ts";
import { formatShape, type Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import { sum } from "../broadcast.ts";

// Convolution, its input gradient and its weight gradient are each other's vector-Jacobian products, so they stand
// together. The input gradient is at the same time the transposed convolution.

/** What a pass of a kernel over images must fit: throws with the op's name, the shapes and what was expected. */
export function checkConvolution(
  op: string,
  x: readonly number[],
  weight: readonly number[],
  bias: readonly number[] | undefined,
  groups: number,
): void {
  if (x.length !== 4 || weight.length !== 4) {
    throw new Error(
      `${op}: expected an input [N, C, H, W] and a weight [O, C / groups, KH, KW], got ${formatShape(x)} and ${formatShape(weight)}`,
    );
  }
  const [channels, outputs] = [x[1], weight[0]];
  if (channels % groups !== 0 || outputs % groups !== 0) {
    throw new Error(
      `${op}: ${groups} groups do not divide the ${channels} input channels of ${formatShape(x)} and the ${outputs} output channels of weight ${formatShape(weight)}`,
    );
  }
  if (weight[1] * groups !== channels) {
    throw new Error(
      `${op}: input ${formatShape(x)} in ${groups} groups needs a weight [O, ${channels / groups}, KH, KW], got ${formatShape(weight)}`,
    );
  }
  if (weight[2] === 0 || weight[3] === 0) throw new Error(`${op}: weight ${formatShape(weight)} has an empty kernel`);
  if (bias && (bias.length !== 1 || bias[0] !== outputs)) {
    throw new Error(
      `${op}: weight ${formatShape(weight)} needs a bias of shape [${outputs}], got ${formatShape(bias)}`,
    );
  }
}

/** Rows or columns of the output: ⌊(input + padding − extent of the kernel) / stride⌋ + 1. */
function outputSize(op: string, x: readonly number[], weight: readonly number[], geometry: ConvolutionGeometry): Two {
  const { stride, padding, dilation } = geometry;
  const along = (axis: 0 | 1): number => {
    const padded = x[2 + axis] + padding[axis][0] + padding[axis][1];
    const extent = (weight[2 + axis] - 1) * dilation[axis] + 1;
    if (extent > padded) {
      throw new Error(
        `${op}: kernel ${weight[2]}×${weight[3]} with dilation ${dilation.join("×")} spans ${extent} ${axis === 0 ? "rows" : "columns"}, more than the ${padded} of input ${formatShape(x)} with padding ${JSON.stringify(padding)}`,
      );
    }
    return Math.floor((padded - extent) / stride[axis]) + 1;
  };
  return [along(0), along(1)];
}

/** The shape of a convolution's output; throws with the op's name when its inputs do not fit. */
export function inferConvolution(
  op: string,
  [x, weight, bias]: readonly Tensor[],
  geometry: ConvolutionGeometry,
): number[] {
  requireFloat32(op, x, weight, ...(bias ? [bias] : []));
  checkConvolution(op, x.shape, weight.shape, bias?.shape, geometry.groups);
  return [x.shape[0], weight.shape[0], ...outputSize(op, x.shape, weight.shape, geometry)];
}

/** y[n, o, p] = bias[o] + Σ over taps t and channels c of the group: weight[o, c, t] · x[n, c, stride · p + dilation · t − padding]. */
export const conv2dOp: Op<ConvolutionGeometry> = defineOp<ConvolutionGeometry>({
  name: "conv2d",
  infer: (inputs, geometry) => ({ shape: inferConvolution("conv2d", inputs, geometry), dtype: "f32" }),
  forward: (inputs, geometry) => {
    const y = output("conv2d", inputs[0], inferConvolution("conv2d", inputs, geometry));
    convolveInto("conv2d", inputs[0], inputs[1], inputs[2], y, geometry);
    return y;
  },
  save: ([x, weight]) => [x, weight],
  vjp: (g, [x, weight], { attributes, inputs }) => [
    () => conv2dInputGradientOp([g, weight], { ...attributes, size: [inputs[0].shape[2], inputs[0].shape[3]] }),
    () => conv2dWeightGradientOp([x, g], { ...attributes, kernel: [inputs[1].shape[2], inputs[1].shape[3]] }),
    inputs.length > 2 ? () => sum(g, [0, 2, 3]) : null,
  ],
});

export interface InputGradientAttributes extends ConvolutionGeometry {
  /** Rows and columns of the input that is sought: a strided convolution leaves them open. */
  readonly size: Two;
}

function inferInputGradient(
  op: string,
  [g, weight, bias]: readonly Tensor[],
  { size, ...geometry }: InputGradientAttributes,
): number[] {
  requireFloat32(op, g, weight, ...(bias ? [bias] : []));
  const channels = weight.rank === 4 ? weight.shape[1] * geometry.groups : 0;
  const shape = [g.shape[0], channels, ...size];
  checkConvolution(op, shape, weight.shape, undefined, geometry.groups);
  const expected = [shape[0], weight.shape[0], ...outputSize(op, shape, weight.shape, geometry)];
  if (g.rank !== 4 || expected.some((length, axis) => length !== g.shape[axis])) {
    throw new Error(
      `${op}: ${formatShape(g.shape)} with weight ${formatShape(weight.shape)} does not give ${formatShape(shape)}: expected ${formatShape(expected)}`,
    );
  }
  if (bias && (bias.rank !== 1 || bias.size !== channels)) {
    throw new Error(
      `${op}: weight ${formatShape(weight.shape)} in ${geometry.groups} groups needs a bias of shape [${channels}], got ${formatShape(bias.shape)}`,
    );
  }
  return shape;
}

/** x[n, c, q] = bias[c] + Σ of weight[o, c, t] · g[n, o, p] over what conv2d joins: stride · p + dilation · t − padding = q. */
export const conv2dInputGradientOp: Op<InputGradientAttributes> = defineOp<InputGradientAttributes>({
  name: "conv2dInputGradient",
  infer: (inputs, attributes) => ({
    shape: inferInputGradient("conv2dInputGradient", inputs, attributes),
    dtype: "f32",
  }),
  forward: (inputs, attributes) => {
    const x = output("conv2dInputGradient", inputs[0], inferInputGradient("conv2dInputGradient", inputs, attributes));
    convolveInputGradientInto("conv2dInputGradient", inputs[0], inputs[1], inputs[2], x, attributes);
    return x;
  },
  save: ([g, weight]) => [g, weight],
  vjp: (cotangent, [g, weight], { attributes: { size: _, ...geometry }, inputs }) => [
    () => conv2dOp([cotangent, weight], geometry),
    () => conv2dWeightGradientOp([cotangent, g], { ...geometry, kernel: [inputs[1].shape[2], inputs[1].shape[3]] }),
    inputs.length > 2 ? () => sum(cotangent, [0, 2, 3]) : null,
  ],
});

export interface WeightGradientAttributes extends ConvolutionGeometry {
  /** Rows and columns of the kernel. */
  readonly kernel: Two;
}

function inferWeightGradient([x, g]: readonly Tensor[], { kernel, ...geometry }: WeightGradientAttributes): number[] {
  const op = "conv2dWeightGradient";
  requireFloat32(op, x, g);
  if (x.rank !== 4 || g.rank !== 4) {
    throw new Error(
      `${op}: expected an input [N, C, H, W] and a gradient [N, O, OH, OW], got ${formatShape(x.shape)} and ${formatShape(g.shape)}`,
    );
  }
  const shape = [g.shape[1], x.shape[1] / geometry.groups, ...kernel];
  checkConvolution(op, x.shape, shape, undefined, geometry.groups);
  const expected = [x.shape[0], g.shape[1], ...outputSize(op, x.shape, shape, geometry)];
  if (expected.some((length, axis) => length !== g.shape[axis])) {
    throw new Error(
      `${op}: input ${formatShape(x.shape)} and weight ${formatShape(shape)} need a gradient ${formatShape(expected)}, got ${formatShape(g.shape)}`,
    );
  }
  return shape;
}

/** weight[o, c, t] = Σ over images n and outputs p of g[n, o, p] · x[n, c, stride · p + dilation · t − padding]. */
export const conv2dWeightGradientOp: Op<WeightGradientAttributes> = defineOp<WeightGradientAttributes>({
  name: "conv2dWeightGradient",
  infer: (inputs, attributes) => ({ shape: inferWeightGradient(inputs, attributes), dtype: "f32" }),
  forward: (inputs, attributes) => {
    const shape = inferWeightGradient(inputs, attributes);
    return convolveWeightGradient("conv2dWeightGradient", inputs[0], inputs[1], shape, attributes);
  },
  save: ([x, g]) => [x, g],
  vjp: (cotangent, [x, g], { attributes: { kernel: _, ...geometry }, inputs }) => [
    () => conv2dInputGradientOp([g, cotangent], { ...geometry, size: [inputs[0].shape[2], inputs[0].shape[3]] }),
    () => conv2dOp([x, cotangent], geometry),
  ],
});
