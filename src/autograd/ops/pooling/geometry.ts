import { requireFloat32 } from "../../../kernels/launch.ts";
import type { PoolGeometry } from "../../../kernels/pooling/pooling.ts";
import { formatShape, requireTensors, type Shape, type Tensor } from "../../../tensor/index.ts";

/** One number for both axes, or [down, right]. */
export type Pair = number | readonly [number, number];

/**
 * Places beyond the edges, which hold nothing: one width for all sides, [down, right], or [[top, bottom], [left, right]].
 * "same" gives ⌈length / stride⌉ windows, with an odd place at the end; "valid" is 0.
 */
export type PoolPadding = Pair | readonly [readonly [number, number], readonly [number, number]] | "same" | "valid";

/** Windows of a pooling, in elements: one number for both axes, or one each. */
export interface MaxPoolOptions {
  /** Steps between windows; the kernel's size by default. */
  stride?: Pair;
  /** None by default. Each window must reach into the input. */
  padding?: PoolPadding;
  /** Steps between the places of a window; 1 by default. */
  dilation?: Pair;
  /** Also take a last window that reaches beyond the padding, if it starts in the input or the padding before it. */
  ceilMode?: boolean;
}

/** Windows of an average, and whether padding counts in it. */
export interface AveragePoolOptions extends MaxPoolOptions {
  /** Whether the padding counts as zeros; true by default. */
  countIncludePad?: boolean;
}

/** @throws with the op's name when a value is neither a number nor a pair of them. */
export function pairOf(op: string, name: string, value: Pair): readonly [number, number] {
  if (typeof value === "number") return [value, value];
  if (Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === "number")) return value;
  throw new Error(`${op}: expected ${name} to be a number or a pair, got ${JSON.stringify(value) ?? String(value)}`);
}

/** The shape of what is pooled. @throws with the op's name when it is no f32 tensor. */
export function pooledShape(op: string, x: Tensor): Shape {
  requireTensors(op, [x]);
  requireFloat32(op, x);
  return x.shape;
}

type Sides = readonly [before: number, after: number];

function sidesOf(op: string, padding: PoolPadding, axis: 0 | 1, length: number, stride: number, reach: number): Sides {
  if (padding === "same") {
    const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach + 1 - length);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  }
  if (padding === "valid") return [0, 0];
  return pairOf(op, "padding", typeof padding === "number" ? padding : padding[axis]);
}

const isNatural = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least;

function requirePlanes(op: string, shape: Shape): readonly [number, number] {
  const [height, width] = shape.slice(-2);
  if (shape.length < 3 || shape.length > 4 || height === 0 || width === 0) {
    throw new Error(
      `${op}: expected [N, C, height, width] or [C, height, width] without empty planes, got ${formatShape(shape)}`,
    );
  }
  return [height, width];
}

/**
 * Where the windows of a kernel lie on planes of `shape`, by PyTorch's rules.
 *
 * @throws with the op's name when an option is no whole number in range or no window fits.
 */
export function slidingWindows(op: string, shape: Shape, size: Pair, options: AveragePoolOptions): PoolGeometry {
  const input = requirePlanes(op, shape);
  const kernel = pairOf(op, "kernel", size);
  const stride = pairOf(op, "stride", options.stride ?? size);
  const dilation = pairOf(op, "dilation", options.dilation ?? 1);
  const sides: Sides[] = [];
  const output = ([0, 1] as const).map((axis) => {
    if (![kernel[axis], stride[axis], dilation[axis]].every((value) => isNatural(value, 1))) {
      throw new Error(
        `${op}: kernel ${formatShape(kernel)}, stride ${formatShape(stride)} and dilation ${formatShape(dilation)} must be positive whole numbers`,
      );
    }
    const reach = dilation[axis] * (kernel[axis] - 1);
    const [before, after] = sidesOf(op, options.padding ?? 0, axis, input[axis], stride[axis], reach);
    sides.push([before, after]);
    if (!(isNatural(before, 0) && isNatural(after, 0) && Math.max(before, after) <= reach)) {
      throw new Error(
        `${op}: padding ${formatShape([before, after])} must be whole numbers below ${reach + 1}, the span of a window of kernel ${formatShape(kernel)} with dilation ${formatShape(dilation)}`,
      );
    }
    const room = input[axis] + before + after - reach - 1;
    if (room < 0) {
      throw new Error(
        `${op}: no window of kernel ${formatShape(kernel)} with dilation ${formatShape(dilation)} fits ${formatShape(shape)} with padding ${formatShape([before, after])}`,
      );
    }
    const steps = room / stride[axis];
    const count = (options.ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
    return options.ceilMode && (count - 1) * stride[axis] >= input[axis] + before ? count - 1 : count;
  });
  const { countIncludePad = true } = options;
  return {
    input,
    output: [output[0], output[1]],
    kernel,
    stride,
    padding: [sides[0], sides[1]],
    dilation,
    adaptive: false,
    countIncludePad,
  };
}

/**
 * Windows that divide planes of `shape` into an output of `size`: ⌊o·n/m⌋ to ⌈(o + 1)·n/m⌉ along each axis.
 *
 * @throws with the op's name when `size` is no pair of positive whole numbers.
 */
export function adaptiveWindows(op: string, shape: Shape, size: Pair): PoolGeometry {
  const input = requirePlanes(op, shape);
  const output = pairOf(op, "size", size);
  if (!output.every((length) => isNatural(length, 1))) {
    throw new Error(`${op}: expected a size of positive whole numbers, got ${formatShape(output)}`);
  }
  if (output.some((length, axis) => (length + 1) * (input[axis] + 1) >= 2 ** 32)) {
    throw new Error(
      `${op}: planes ${formatShape(input)} to ${formatShape(output)} exceed what 32-bit arithmetic can divide`,
    );
  }
  return {
    input,
    output,
    kernel: [Math.ceil(input[0] / output[0]) + 1, Math.ceil(input[1] / output[1]) + 1],
    stride: [1, 1],
    padding: [
      [0, 0],
      [0, 0],
    ],
    dilation: [1, 1],
    adaptive: true,
    countIncludePad: false,
  };
}

/** Throws unless the last two axes of `shape` are those that a geometry was made for. */
export function requireGeometry(op: string, shape: Shape, planes: readonly [number, number]): void {
  const [height, width] = shape.slice(-2);
  if (shape.length < 2 || height !== planes[0] || width !== planes[1]) {
    throw new Error(`${op}: expected planes of ${formatShape(planes)}, got ${formatShape(shape)}`);
  }
}
