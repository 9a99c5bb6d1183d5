import { requireNumber } from "../../../kernels/elementwise/element-function.ts";
import { castTo } from "../../../kernels/elementwise/elementwise.ts";
import { requireFloat } from "../../../kernels/launch.ts";
import { type PlaceMode, padGradientAlong, rearrange } from "../../../kernels/shape/rearrange.ts";
import { formatShape, type Shape, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";

/** Elements in front of and behind each axis, from the first on. Negative widths cut elements off. */
export type PadWidths = readonly (readonly [before: number, after: number])[];

/**
 * What is put around a b c: a constant, its edges (a a | a b c | c c), its mirror image without (c b | a b c | b a) or
 * with the edge repeated (b a | a b c | c b), or itself again (b c | a b c | a b).
 */
export type PadMode = PlaceMode;

/** How wide a pad may be, for an axis of a length: each element is copied to either side at most once. */
const widest = (mode: PadMode, length: number): number => {
  if (mode === "reflect") return length - 1;
  if (mode === "edge") return length > 0 ? Number.POSITIVE_INFINITY : 0;
  return mode === "constant" ? Number.POSITIVE_INFINITY : length;
};

function paddedShape(shape: Shape, widths: PadWidths, mode: PadMode): number[] {
  const isPairs = Array.isArray(widths) && widths.every((width) => Array.isArray(width) && width.length === 2);
  if (!isPairs || widths.length !== shape.length) {
    const given = (JSON.stringify(widths) ?? String(widths)).replaceAll(",", ", ");
    throw new Error(`pad: expected a pair of widths for each axis of ${formatShape(shape)}, got ${given}`);
  }
  if (!PAD_MODES.includes(mode)) throw new Error(`pad: expected a mode of ${PAD_MODES.join(", ")}, got ${mode}`);
  return shape.map((length, axis) => {
    const [before, after] = widths[axis];
    const padded = length + before + after;
    if (!Number.isInteger(before) || !Number.isInteger(after) || padded < 0 || before < -length || after < -length) {
      throw new Error(`pad: widths [${before}, ${after}] do not fit axis ${axis} of ${formatShape(shape)}`);
    }
    if (Math.max(before, after) > Math.max(widest(mode, length), 0)) {
      throw new Error(
        `pad: ${mode} widths [${before}, ${after}] exceed ${Math.max(widest(mode, length), 0)}, the most for axis ${axis} of ${formatShape(shape)}`,
      );
    }
    return padded;
  });
}

const PAD_MODES: readonly PadMode[] = ["constant", "edge", "reflect", "symmetric", "wrap"];

export interface PadAttributes {
  widths: PadWidths;
  mode: PadMode;
  value: number;
}

export const padOp = defineOp<PadAttributes>({
  name: "pad",
  infer: ([x], { widths, mode, value }) => {
    const shape = paddedShape(x.shape, widths, mode);
    requireNumber("pad", value, x.dtype);
    return { shape, dtype: x.dtype };
  },
  forward: ([x], { widths, mode, value }) => {
    const maps = x.shape.map((length, axis) => ({
      length: length + widths[axis][0] + widths[axis][1],
      shift: -widths[axis][0],
    }));
    return rearrange("pad", x, maps, mode, value);
  },
  vjp: (g, _saved, { inputs: [x], attributes: { widths, mode } }) => [
    () => {
      if (mode !== "constant") return padGradient(g, x.shape, widths, mode);
      const back = widths.map(([before, after]): [number, number] => [-before, -after]);
      return pad(g, back);
    },
  ],
});

export interface PadGradientAttributes {
  shape: Shape;
  widths: PadWidths;
  mode: Exclude<PadMode, "constant">;
}

/** The transpose of a pad that copies elements: each receives the sum of its copies, in ascending order. */
export const padGradientOp = defineOp<PadGradientAttributes>({
  name: "padGradient",
  infer: ([g], { shape, widths, mode }) => {
    requireFloat("padGradient", g);
    const padded = paddedShape(shape, widths, mode);
    if (formatShape(padded) !== formatShape(g.shape)) {
      throw new Error(`padGradient: expected ${formatShape(padded)}, got ${formatShape(g.shape)}`);
    }
    return { shape, dtype: g.dtype };
  },
  forward: ([g], { shape, widths, mode }) => {
    const axes = shape.map((_, axis) => axis).filter((axis) => widths[axis].some((width) => width !== 0));
    // Halves are rounded once, at the end.
    const isWide = g.dtype === "f16" && axes.length > 1;
    let sum = isWide ? castTo(g, "f32") : g.view(g.shape, g.strides);
    for (const axis of axes) sum = padGradientAlong("padGradient", sum, axis, shape[axis], widths[axis][0], mode);
    return isWide ? castTo(sum, "f16") : sum;
  },
  vjp: (g, _saved, { attributes: { widths, mode } }) => [() => pad(g, widths, { mode })],
});

const padGradient = (g: Tensor, shape: Shape, widths: PadWidths, mode: PadGradientAttributes["mode"]): Tensor =>
  padGradientOp([g], { shape, widths, mode });

/**
 * Puts elements in front of and behind each axis: length n becomes before + n + after. Widths are pairs, one an axis
 * from the first on; a negative width cuts elements off. One dispatch, exact in every type.
 *
 * @param options.mode what is put there, "constant" by default: see {@link PadMode}. "reflect" takes widths below the
 *   length, "symmetric" and "wrap" widths up to it.
 * @param options.value the constant, 0 by default.
 * @throws when the widths do not fit the shape.
 */
export const pad = (
  x: Tensor,
  widths: PadWidths,
  { mode = "constant", value = 0 }: { mode?: PadMode; value?: number } = {},
): Tensor => padOp([x], { widths, mode, value });
