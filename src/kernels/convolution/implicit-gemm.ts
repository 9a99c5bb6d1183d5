import type { Tensor } from "../../tensor/index.ts";
import { type ConvolutionGeometry, phaseSteps, type SumParts, stridesOf } from "./geometry.ts";
import { runProduct } from "./product.ts";

// The three operations of a convolution, as implicit products of matrices.

/** y[n, o, p] = Σ over taps, then channels of a group, of weight · x (+ bias), into views that can be bound. */
export function forwardKernel(
  op: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  { stride, padding, dilation, groups }: ConvolutionGeometry,
): void {
  const [outputs, channels, kernelHeight, kernelWidth] = weight.shape;
  const [images, , height, width] = y.shape;
  const [from, to, w] = [stridesOf(x), stridesOf(y), stridesOf(weight)];
  const M = outputs / groups;
  runProduct(op, [weight, x, y], bias, {
    ...{ M, U: images, V: height, W: width, I: kernelHeight, J: kernelWidth, L: channels, groupCount: groups },
    ...{ aM: w.image, aI: w.row, aJ: w.column, aL: w.channel, aGroup: M * w.image },
    ...{ sU: from.image, sI: dilation[0] * from.row, sJ: dilation[1] * from.column, sL: from.channel },
    ...{ sRow: from.row, sColumn: from.column, sGroup: channels * from.channel },
    ...{ yM: to.channel, yU: to.image, yV: to.row, yW: to.column, yGroup: M * to.channel },
    ...{ height: x.shape[2], width: x.shape[3], vStep: stride[0], wStep: stride[1] },
    ...{ iY: dilation[0], jX: dilation[1], shiftY: -padding[0][0], shiftX: -padding[1][0] },
  });
}

/** x[n, c, q] = Σ over taps, then outputs of a group, of weight · g (+ bias): the transpose of the forward product. */
export function inputGradientKernel(
  op: string,
  g: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  x: Tensor,
  geometry: ConvolutionGeometry,
): void {
  const { padding, groups } = geometry;
  const { moveY, moveX, ...phases } = phaseSteps(geometry);
  const [outputs, M, kernelHeight, kernelWidth] = weight.shape;
  const [images, , height, width] = x.shape;
  const [from, to, w] = [stridesOf(g), stridesOf(x), stridesOf(weight)];
  const L = outputs / groups;
  runProduct(op, [weight, g, x], bias, {
    ...{ M, U: images, V: height, W: width, I: kernelHeight, J: kernelWidth, L, groupCount: groups },
    ...{ aM: w.channel, aI: w.row, aJ: w.column, aL: w.image, aGroup: L * w.image },
    ...{ sU: from.image, sI: moveY * from.row, sJ: moveX * from.column, sL: from.channel },
    ...{ sRow: from.row, sColumn: from.column, sGroup: L * from.channel },
    ...{ yM: to.channel, yU: to.image, yV: to.row, yW: to.column, yGroup: M * to.channel },
    ...{ height: g.shape[2], width: g.shape[3], vStep: 1, wStep: 1, ...phases, iY: moveY, jX: moveX },
    ...{ shiftY: padding[0][0], shiftX: padding[1][0] },
  });
}

/**
 * partials[part, o, c, tap] = Σ over images, rows, columns of a part, in this order, of g · x. Parts are numbered by
 * rows first, then columns.
 */
export function weightGradientKernel(
  op: string,
  x: Tensor,
  g: Tensor,
  partials: Tensor,
  { rows, columns }: SumParts,
  { stride, padding, dilation, groups }: ConvolutionGeometry,
): void {
  const [, outputs, channels, kernelHeight, kernelWidth] = partials.shape;
  const [images, , height, width] = g.shape;
  const [from, gradient] = [stridesOf(x), stridesOf(g)];
  const [yPart, yM, yU, yV, yW] = partials.strides;
  const M = outputs / groups;
  runProduct(op, [g, x, partials], undefined, {
    ...{ M, U: channels, V: kernelHeight, W: kernelWidth, I: images, J: height, L: width, groupCount: groups },
    ...{ aM: gradient.channel, aI: gradient.image, aJ: gradient.row, aL: gradient.column },
    ...{ aGroup: M * gradient.channel, sGroup: channels * from.channel },
    ...{ sU: from.channel, sI: from.image, sJ: stride[0] * from.row, sL: stride[1] * from.column },
    ...{ sRow: from.row, sColumn: from.column },
    ...{ yPart, yM, yU, yV, yW, yGroup: M * yM },
    ...{ height: x.shape[2], width: x.shape[3], vStep: dilation[0], wStep: dilation[1] },
    ...{ jY: stride[0], lX: stride[1], shiftY: -padding[0][0], shiftX: -padding[1][0] },
    ...{ partIJ: rows, partL: columns },
  });
}
