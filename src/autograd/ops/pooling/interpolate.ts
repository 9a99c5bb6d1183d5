import { requireFloat32 } from "../../../kernels/launch.ts";
import {
  interpolateForward,
  interpolateGradient,
  type ResampleGeometry,
} from "../../../kernels/pooling/interpolate.ts";
import { formatShape, type Shape, type Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import { type Pair, pairOf, pooledShape, requireGeometry } from "./geometry.ts";

/** The size that is wanted, and how values between pixels are made. */
export interface InterpolateOptions {
  /** Size of the planes of the result: this or a scale factor. */
  size?: Pair;
  /** The result has ⌊length · factor⌋ places along an axis. */
  scaleFactor?: Pair;
  mode?: "nearest" | "nearest-exact" | "bilinear";
  /**
   * Only for bilinear: whether the centres of the outermost elements stay where they are. Otherwise the outer edges do,
   * and elements lie half a step inside.
   */
  alignCorners?: boolean;
}

/** Above this, f32 no longer tells all places and their halves. */
const LONGEST = 2 ** 22;

/** Where the result's elements lie on planes of `shape`, in PyTorch's arithmetic of 32 bits. */
export function resampling(op: string, shape: Shape, options: InterpolateOptions = {}): ResampleGeometry {
  const { size, scaleFactor, mode = "nearest", alignCorners = false } = options;
  const [height, width] = shape.slice(-2);
  if (shape.length < 3 || shape.length > 4 || height === 0 || width === 0) {
    throw new Error(
      `${op}: expected [N, C, height, width] or [C, height, width] without empty planes, got ${formatShape(shape)}`,
    );
  }
  if ((size === undefined) === (scaleFactor === undefined)) {
    throw new Error(`${op}: expected either a size or a scale factor`);
  }
  if (mode !== "nearest" && mode !== "nearest-exact" && mode !== "bilinear") {
    throw new Error(`${op}: mode "${mode}" is none of "nearest", "nearest-exact" and "bilinear"`);
  }
  if (alignCorners && mode !== "bilinear") throw new Error(`${op}: corners are aligned only with mode "bilinear"`);
  const input = [height, width] as const;
  const factors = scaleFactor === undefined ? undefined : pairOf(op, "scaleFactor", scaleFactor);
  const output =
    size === undefined ? input.map((length, axis) => Math.floor(length * factors![axis])) : pairOf(op, "size", size);
  if (![...input, ...output].every((length) => Number.isSafeInteger(length) && length > 0 && length < LONGEST)) {
    const wanted = size === undefined ? `factor ${formatShape(factors!)}` : `size ${formatShape(output)}`;
    throw new Error(
      `${op}: planes ${formatShape(input)} by ${wanted}: lengths must be whole numbers from 1 to ${LONGEST - 1}`,
    );
  }
  const scaleOf = (axis: 0 | 1): number => {
    if (alignCorners) return output[axis] > 1 ? Math.fround((input[axis] - 1) / (output[axis] - 1)) : 0;
    return Math.fround(factors ? 1 / factors[axis] : input[axis] / output[axis]);
  };
  return {
    input,
    output: [output[0], output[1]],
    scale: [scaleOf(0), scaleOf(1)],
    offset: mode === "nearest" || alignCorners ? 0 : 0.5,
    shift: mode === "bilinear" && !alignCorners ? 0.5 : 0,
    nearest: mode !== "bilinear",
  };
}

/** The planes of x [.., height, width] resampled to [.., outHeight, outWidth]. */
export const interpolateOp: Op<ResampleGeometry> = defineOp<ResampleGeometry>({
  name: "interpolate",
  infer: ([x], geometry) => {
    requireFloat32("interpolate", x);
    requireGeometry("interpolate", x.shape, geometry.input);
    return { shape: [...x.shape.slice(0, -2), ...geometry.output], dtype: "f32" };
  },
  forward: ([x], geometry) => interpolateForward("interpolate", x, geometry),
  vjp: (g, _saved, { attributes }) => [() => interpolateGradientOp([g], attributes)],
});

/** What each element had of g, summed: the transpose of the resampling. */
export const interpolateGradientOp: Op<ResampleGeometry> = defineOp<ResampleGeometry>({
  name: "interpolateGradient",
  infer: ([g], geometry) => {
    requireFloat32("interpolateGradient", g);
    requireGeometry("interpolateGradient", g.shape, geometry.output);
    return { shape: [...g.shape.slice(0, -2), ...geometry.input], dtype: "f32" };
  },
  forward: ([g], geometry) => interpolateGradient("interpolateGradient", g, geometry),
  vjp: (g, _saved, { attributes }) => [() => interpolateOp([g], attributes)],
});

/**
 * Resamples the planes of x [N, C, height, width] or [C, height, width] to a size or by a factor, as PyTorch's
 * `F.interpolate` does. With s = length / new length, or 1 / factor where one is given, output o takes
 * - `"nearest"`: element ⌊s·o⌋;
 * - `"nearest-exact"`: element ⌊s·(o + ½)⌋;
 * - `"bilinear"`: the elements around s·(o + ½) − ½ on each axis, weighted by distance; with `alignCorners` those around
 *   o · (length − 1) / (new length − 1).
 *
 * @throws when neither or both of size and factor are given, or a length of the result is not positive.
 */
export const interpolate = (x: Tensor, options: InterpolateOptions): Tensor =>
  interpolateOp([x], resampling("interpolate", pooledShape("interpolate", x), options));
