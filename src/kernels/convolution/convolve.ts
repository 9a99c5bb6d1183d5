import { expandView, keep, reshapeView, sizeOf, sliceView, type Tensor, tidy } from "../../tensor/index.ts";
import { copy, copyInto, full } from "../copy.ts";
import * as BINARY from "../elementwise/binary-functions.ts";
import { binary } from "../elementwise/elementwise.ts";
import { output } from "../launch.ts";
import { matmulInto } from "../matmul/matmul.ts";
import { reduce } from "../reduction/reduce.ts";
import * as REDUCTIONS from "../reduction/reduction-functions.ts";
import { fitsBinding, requireBindable } from "../windows.ts";
import { depthwiseForwardKernel, depthwiseInputGradientKernel, depthwiseWeightGradientKernel } from "./depthwise.ts";
import { type ConvolutionGeometry, type SumParts, weightGradientParts } from "./geometry.ts";
import { forwardKernel, inputGradientKernel, weightGradientKernel } from "./implicit-gemm.ts";
import { jointPhasesKernel, prefersJointPhases } from "./joint-phases.ts";

/** Runs `body` for both halves of an axis of length `length`, `body(part)` cutting an axis at a multiple of the half. */
function halves(length: number, body: (part: (x: Tensor, axis: number, scale?: number) => Tensor) => void): void {
  const middle = Math.ceil(length / 2);
  for (const [begin, end] of [
    [0, middle],
    [middle, length],
  ]) {
    tidy(() => body((x, axis, scale = 1) => sliceView(x, axis, begin * scale, end * scale)));
  }
}

/**
 * y = x ⋆ weight + bias into a given y. Tensors over the binding limit are taken in parts: of the batch, then of the
 * groups, then of the output channels; each element's sum is the same.
 *
 * @throws MemoryLimitError when one image alone cannot be bound.
 */
export function convolveInto(
  op: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  geometry: ConvolutionGeometry,
): void {
  if (y.size === 0) return;
  const { groups } = geometry;
  if (![x, weight, y].every(fitsBinding)) {
    const [images, outputs] = y.shape;
    if (images > 1 && !(fitsBinding(x) && fitsBinding(y))) {
      halves(images, (part) => convolveInto(op, part(x, 0), weight, bias, part(y, 0), geometry));
    } else if (groups > 1) {
      splitGroups(groups, geometry, (part, own) => {
        convolveInto(op, part(x, 1), part(weight, 0), bias && part(bias, 0), part(y, 1), own);
      });
    } else if (outputs > 1 && fitsBinding(x)) {
      halves(outputs, (part) => convolveInto(op, x, part(weight, 0), bias && part(bias, 0), part(y, 1), geometry));
    } else requireBindable(op, x, weight, y);
    return;
  }
  if (isPointwise(weight, geometry) && tidy(() => multiplyPoints(op, x, weight, bias, y, groups, false))) return;
  const kernel = isDepthwise(weight.shape, groups) ? depthwiseForwardKernel : forwardKernel;
  kernel(op, x, weight, bias, y, geometry);
}

/** Halves the groups; `part` cuts an axis on which the groups lie one after another. */
function splitGroups(
  groups: number,
  geometry: ConvolutionGeometry,
  body: (part: (x: Tensor, axis: number) => Tensor, geometry: ConvolutionGeometry) => void,
): void {
  let [first, second] = [Math.ceil(groups / 2), Math.floor(groups / 2)];
  halves(groups, (part) => {
    body((x, axis) => part(x, axis, x.shape[axis] / groups), { ...geometry, groups: first });
    [first, second] = [second, first];
  });
}

/** The gradient of `convolveInto` with respect to x, plus an optional bias of x's channels, into a given x. */
export function convolveInputGradientInto(
  op: string,
  g: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  x: Tensor,
  geometry: ConvolutionGeometry,
): void {
  if (x.size === 0) return;
  const { groups } = geometry;
  if (![g, weight, x].every(fitsBinding)) {
    const [images, channels] = x.shape;
    if (images > 1 && !(fitsBinding(g) && fitsBinding(x))) {
      halves(images, (part) => convolveInputGradientInto(op, part(g, 0), weight, bias, part(x, 0), geometry));
    } else if (groups > 1) {
      splitGroups(groups, geometry, (part, own) => {
        convolveInputGradientInto(op, part(g, 1), part(weight, 0), bias && part(bias, 0), part(x, 1), own);
      });
    } else if (channels > 1 && fitsBinding(g)) {
      halves(channels, (part) => {
        // A slice of the second axis spans as much as the whole: only a copy is smaller.
        const own = fitsBinding(weight) ? part(weight, 1) : copy(part(weight, 1));
        convolveInputGradientInto(op, g, own, bias && part(bias, 0), part(x, 1), geometry);
      });
    } else requireBindable(op, g, weight, x);
    return;
  }
  if (isPointwise(weight, geometry) && tidy(() => multiplyPoints(op, g, weight, bias, x, groups, true))) return;
  const isSingle = weight.shape[0] === groups && weight.shape[1] === 1;
  const general = prefersJointPhases(weight, geometry) ? jointPhasesKernel : inputGradientKernel;
  const kernel = isSingle ? depthwiseInputGradientKernel : general;
  kernel(op, g, weight, bias, x, geometry);
}

/**
 * The gradient of `convolveInto` with respect to the weight, of shape [O, C / groups, KH, KW]. The sum over images,
 * rows and columns is divided into parts by `weightGradientParts`; their results are added in order.
 *
 * A batch over the binding limit is summed by halves, which agrees with the whole to rounding. Channels over it are
 * taken in parts with the same bits.
 */
export function convolveWeightGradient(
  op: string,
  x: Tensor,
  g: Tensor,
  shape: readonly number[],
  geometry: ConvolutionGeometry,
  givenParts?: SumParts,
): Tensor {
  if (sizeOf(shape) === 0 || g.size === 0) return full(g.gpu, shape, 0);
  const { groups } = geometry;
  const [images, outputs, height, width] = g.shape;
  if (images > 1 && ![x, g].every(fitsBinding)) {
    const sums: Tensor[] = [];
    halves(images, (part) => {
      sums.push(keep(convolveWeightGradient(op, part(x, 0), part(g, 0), shape, geometry)));
    });
    const total = binary(op, sums[0], sums[1], BINARY.add);
    for (const sum of sums) sum.dispose();
    return total;
  }
  const parts = givenParts ?? weightGradientParts(sizeOf(shape), images, height, width);
  const fits = 4 * parts.count * sizeOf(shape) <= g.gpu.limits.maxStorageBufferBindingSize;
  if (!fits || ![x, g].every(fitsBinding)) {
    const weight = output(op, g, shape);
    const fill = (into: Tensor, ownX: Tensor, ownG: Tensor, own: ConvolutionGeometry): void =>
      copyInto(into, convolveWeightGradient(op, ownX, ownG, into.shape, own, parts));
    if (groups > 1) {
      splitGroups(groups, geometry, (part, own) => fill(part(weight, 0), part(x, 1), part(g, 1), own));
    } else if (outputs > 1 && fitsBinding(x)) {
      halves(outputs, (part) => fill(part(weight, 0), x, part(g, 1), geometry));
    } else if (shape[1] > 1 && fitsBinding(g)) {
      halves(shape[1], (part) => fill(part(weight, 1), part(x, 1), g, geometry));
    } else requireBindable(op, x, g, weight);
    return weight;
  }
  const partials = output(op, g, [parts.count, ...shape]);
  const kernel = isDepthwise(shape, groups) ? depthwiseWeightGradientKernel : weightGradientKernel;
  kernel(op, x, g, partials, parts, geometry);
  return reshapeView(parts.count === 1 ? partials : reduce(op, partials, REDUCTIONS.sum, [0]), shape)!;
}

/** Groups of one input channel and few output channels: a matrix product would have hardly any rows to share loads. */
const isDepthwise = ([outputs, channels]: readonly number[], groups: number): boolean =>
  channels === 1 && outputs <= 4 * groups;

/** Whether a convolution is a product of matrices over the pixels as they lie. */
const isPointwise = (weight: Tensor, { stride, padding }: ConvolutionGeometry): boolean =>
  [weight.shape[2], weight.shape[3], ...stride].every((length) => length === 1) &&
  padding.flat().every((length) => length === 0);

/** A 1×1 convolution of stride 1, or its transpose; false when the pixels of an image are not one axis of their views. */
function multiplyPoints(
  op: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  groups: number,
  isTransposed: boolean,
): boolean {
  const [images, outputs, height, width] = y.shape;
  const [rows, columns] = weight.shape;
  const inner = x.shape[1] / groups;
  if (inner === 0 || images * groups > 65_535) return false;
  const pixels = (t: Tensor, channels: number): Tensor | null =>
    reshapeView(t, [images, groups, channels, height * width]);
  const [from, to] = [pixels(x, inner), pixels(y, outputs / groups)];
  if (!from || !to || from.strides[3] !== 1 || to.strides[3] !== 1) return false;
  const [row, column] = weight.strides;
  const perGroup = rows / groups;
  const [length, other] = isTransposed ? [columns, perGroup] : [perGroup, columns];
  const steps = isTransposed ? [column, row] : [row, column];
  const matrices = weight.view([groups, length, other], [perGroup * row, ...steps]);
  if (bias) copyInto(y, expandView(reshapeView(copy(bias), [1, outputs, 1, 1])!, y.shape));
  matmulInto(op, matrices, from, to, { accumulate: bias !== undefined });
  return true;
}
