import { requireFloat32 } from "../../../kernels/launch.ts";
import { averagePoolForward, averagePoolGradient, type PoolGeometry } from "../../../kernels/pooling/pooling.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import { mean } from "../reduction/index.ts";
import {
  type AveragePoolOptions,
  adaptiveWindows,
  type Pair,
  pooledShape,
  requireGeometry,
  slidingWindows,
} from "./geometry.ts";
import { type AveragePool1dOptions, alongOneAxis } from "./one-axis.ts";

/** Mean of each window, [.., height, width] to [.., outHeight, outWidth]. */
export const averagePoolOp: Op<PoolGeometry> = defineOp<PoolGeometry>({
  name: "averagePool",
  infer: ([x], geometry) => {
    requireFloat32("averagePool", x);
    requireGeometry("averagePool", x.shape, geometry.input);
    return { shape: [...x.shape.slice(0, -2), ...geometry.output], dtype: "f32" };
  },
  forward: ([x], geometry) => averagePoolForward("averagePool", x, geometry),
  vjp: (g, _saved, { attributes }) => [() => averagePoolGradientOp([g], attributes)],
});

/** Sum over the windows that hold an element of g over their counts: the transpose of the averages. */
export const averagePoolGradientOp: Op<PoolGeometry> = defineOp<PoolGeometry>({
  name: "averagePoolGradient",
  infer: ([g], geometry) => {
    requireFloat32("averagePoolGradient", g);
    requireGeometry("averagePoolGradient", g.shape, geometry.output);
    return { shape: [...g.shape.slice(0, -2), ...geometry.input], dtype: "f32" };
  },
  forward: ([g], geometry) => averagePoolGradient("averagePoolGradient", g, geometry),
  vjp: (g, _saved, { attributes }) => [() => averagePoolOp([g], attributes)],
});

/**
 * Mean of each window of x [N, C, height, width] or [C, height, width]; windows lie as in `maxPool2d`. With
 * `countIncludePad` the padding counts as zeros, but what a last window of `ceilMode` covers beyond it does not.
 *
 * @throws when no window fits, or one would lie in the padding alone.
 */
export const averagePool2d = (x: Tensor, kernel: Pair, options: AveragePoolOptions = {}): Tensor =>
  averagePoolOp([x], slidingWindows("averagePool2d", pooledShape("averagePool2d", x), kernel, options));

/** {@link averagePool2d} along the last axis of x [N, C, length] or [C, length]. */
export const averagePool1d = (x: Tensor, kernel: number, options: AveragePool1dOptions = {}): Tensor =>
  alongOneAxis("averagePool1d", x, kernel, options, (rows, geometry) => averagePoolOp([rows], geometry));

/**
 * Mean of each of `size` windows that divide the planes of x [N, C, height, width]: along an axis window o covers
 * ⌊o·n/m⌋ to ⌈(o + 1)·n/m⌉ − 1. A size of 1 is global pooling.
 */
export function adaptiveAveragePool2d(x: Tensor, size: Pair): Tensor {
  const geometry = adaptiveWindows("adaptiveAveragePool2d", pooledShape("adaptiveAveragePool2d", x), size);
  // One invocation a window is too few for one large window.
  const isLarge = geometry.output[0] * geometry.output[1] === 1 && geometry.input[0] * geometry.input[1] > 1024;
  return isLarge ? mean(x, [-2, -1], true) : averagePoolOp([x], geometry);
}
