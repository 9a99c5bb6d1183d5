import { requireFloat32, requireInteger } from "../../../kernels/launch.ts";
import { maxPoolForward, maxPoolGather, maxPoolGradient, type PoolGeometry } from "../../../kernels/pooling/pooling.ts";
import { formatShape, shapesEqual, type Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import {
  adaptiveWindows,
  type MaxPoolOptions,
  type Pair,
  pooledShape,
  requireGeometry,
  slidingWindows,
} from "./geometry.ts";
import { alongOneAxis, type MaxPool1dOptions } from "./one-axis.ts";

/**
 * Largest element of each window, [.., height, width] to [.., outHeight, outWidth]. NaN counts as the largest; the
 * first of equal elements wins, and alone has the gradient.
 */
export const maxPoolOp: Op<PoolGeometry> = defineOp<PoolGeometry>({
  name: "maxPool",
  infer: ([x], geometry) => {
    requireFloat32("maxPool", x);
    requireGeometry("maxPool", x.shape, geometry.input);
    return { shape: [...x.shape.slice(0, -2), ...geometry.output], dtype: "f32" };
  },
  forward: ([x], geometry) => maxPoolForward("maxPool", x, geometry),
  save: (_inputs, [, taps]) => [taps],
  vjp: (g, [taps], { attributes }) => [() => maxPoolGradientOp([g, taps], attributes)],
});

function requireTaps(op: string, taps: Tensor, geometry: PoolGeometry): void {
  requireInteger(op, taps);
  requireGeometry(op, taps.shape, geometry.output);
}

/** Elements at given taps (places within the windows, i32, -1 for none): max pooling once its choice is made. */
export const maxPoolGatherOp: Op<PoolGeometry> = defineOp<PoolGeometry>({
  name: "maxPoolGather",
  infer: ([x, taps], geometry) => {
    requireFloat32("maxPoolGather", x);
    requireGeometry("maxPoolGather", x.shape, geometry.input);
    requireTaps("maxPoolGather", taps, geometry);
    requireSameLeading("maxPoolGather", x, taps);
    return { shape: taps.shape, dtype: "f32" };
  },
  forward: ([x, taps], geometry) => maxPoolGather("maxPoolGather", x, taps, geometry),
  save: ([, taps]) => [taps],
  vjp: (g, [taps], { attributes }) => [() => maxPoolGradientOp([g, taps], attributes), null],
});

/** Sums of g over the windows whose taps name an element: the transpose of the gathering. */
export const maxPoolGradientOp: Op<PoolGeometry> = defineOp<PoolGeometry>({
  name: "maxPoolGradient",
  infer: ([g, taps], geometry) => {
    requireFloat32("maxPoolGradient", g);
    requireTaps("maxPoolGradient", taps, geometry);
    if (!shapesEqual(g.shape, taps.shape)) {
      throw new Error(`maxPoolGradient: gradient ${formatShape(g.shape)} and taps ${formatShape(taps.shape)} differ`);
    }
    return { shape: [...g.shape.slice(0, -2), ...geometry.input], dtype: "f32" };
  },
  forward: ([g, taps], geometry) => maxPoolGradient("maxPoolGradient", g, taps, geometry),
  save: ([, taps]) => [taps],
  vjp: (g, [taps], { attributes }) => [() => maxPoolGatherOp([g, taps], attributes), null],
});

function requireSameLeading(op: string, x: Tensor, taps: Tensor): void {
  if (!shapesEqual(x.shape.slice(0, -2), taps.shape.slice(0, -2))) {
    throw new Error(`${op}: planes ${formatShape(x.shape)} and taps ${formatShape(taps.shape)} differ in number`);
  }
}

/**
 * Largest element of each window of x [N, C, height, width] or [C, height, width]. Along each axis there are
 * ⌊(length + padding before and after − dilation · (kernel − 1) − 1) / stride⌋ + 1 windows, or ⌈…⌉ + 1 with `ceilMode`.
 * The padding never wins. NaN counts as the largest; of equal elements the first wins, and alone has the gradient.
 *
 * @throws when no window fits, or one would lie in the padding alone.
 */
export const maxPool2d = (x: Tensor, kernel: Pair, options: MaxPoolOptions = {}): Tensor =>
  maxPoolOp([x], slidingWindows("maxPool2d", pooledShape("maxPool2d", x), kernel, options));

/** {@link maxPool2d} along the last axis of x [N, C, length] or [C, length]. */
export const maxPool1d = (x: Tensor, kernel: number, options: MaxPool1dOptions = {}): Tensor =>
  alongOneAxis("maxPool1d", x, kernel, options, (rows, geometry) => maxPoolOp([rows], geometry));

/**
 * Largest element of each of `size` windows that divide the planes of x [N, C, height, width]: along an axis window o
 * covers ⌊o·n/m⌋ to ⌈(o + 1)·n/m⌉ − 1.
 */
export const adaptiveMaxPool2d = (x: Tensor, size: Pair): Tensor =>
  maxPoolOp([x], adaptiveWindows("adaptiveMaxPool2d", pooledShape("adaptiveMaxPool2d", x), size));
