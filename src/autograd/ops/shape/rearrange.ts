import { rearrange } from "../../../kernels/shape/rearrange.ts";
import { triangle } from "../../../kernels/shape/triangle.ts";
import { assertList, formatShape, normalizeAxis, requireTensors, type Tensor, tidy } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import { sum } from "../broadcast.ts";
import { reshape } from "./views.ts";

// Ops that put the elements of a tensor in another order, repeat them, or leave some out: one dispatch each.

/** Axes from the front; each may be named once. */
function distinctAxes(op: string, axes: readonly number[], rank: number): number[] {
  const along = axes.map((axis) => normalizeAxis(op, axis, rank));
  if (new Set(along).size !== along.length) throw new Error(`${op}: axes ${formatShape(axes)} name one axis twice`);
  return along;
}

export const flipOp = defineOp<{ axes: readonly number[] }>({
  name: "flip",
  infer: ([x], { axes }) => {
    distinctAxes("flip", axes, x.rank);
    return x;
  },
  forward: ([x], { axes }) => {
    const along = distinctAxes("flip", axes, x.rank);
    const maps = x.shape.map((length, axis) => ({ length, shift: 0, isMirrored: along.includes(axis) }));
    return rearrange("flip", x, maps, "constant");
  },
  vjp: (g, _saved, { attributes: { axes } }) => [() => flip(g, axes)],
});

/** x with the order of elements reversed along axes, all of them by default. */
export function flip(x: Tensor, axes?: number | readonly number[]): Tensor {
  requireTensors("flip", [x]);
  return flipOp([x], { axes: axes === undefined ? x.shape.map((_, axis) => axis) : asList("flip", "axes", axes) });
}

function asList(op: string, what: string, value: number | readonly number[]): readonly number[] {
  if (typeof value === "number") return [value];
  assertList(op, what, value);
  return value;
}

export interface RollAttributes {
  shifts: readonly number[];
  axes: readonly number[];
}

export const rollOp = defineOp<RollAttributes>({
  name: "roll",
  infer: ([x], { shifts, axes }) => {
    if (shifts.length !== axes.length) {
      throw new Error(`roll: ${shifts.length} shifts do not fit ${axes.length} axes`);
    }
    if (!shifts.every(Number.isInteger)) throw new Error(`roll: shifts ${formatShape(shifts)} are not integers`);
    for (const axis of axes) normalizeAxis("roll", axis, x.rank);
    return x;
  },
  forward: ([x], { shifts, axes }) => {
    const maps = x.shape.map((length) => ({ length, shift: 0 }));
    axes.forEach((axis, i) => {
      const map = maps[normalizeAxis("roll", axis, x.rank)];
      if (map.length > 0) map.shift = (map.shift - shifts[i]) % map.length;
    });
    return rearrange("roll", x, maps, "wrap");
  },
  vjp: (g, _saved, { attributes: { shifts, axes } }) => [
    () =>
      roll(
        g,
        shifts.map((shift) => -shift),
        axes,
      ),
  ],
});

/**
 * x moved along axes; what leaves at one end comes in at the other: y[i] = x[(i − shift) mod n]. Without axes the
 * elements move in row-major order through all of them. A shift for each axis; an axis named twice moves by both.
 */
export function roll(x: Tensor, shifts: number | readonly number[], axes?: number | readonly number[]): Tensor {
  const by = asList("roll", "shifts", shifts);
  if (axes !== undefined) return rollOp([x], { shifts: by, axes: asList("roll", "axes", axes) });
  requireTensors("roll", [x]);
  return tidy(() => reshape(rollOp([reshape(x, [-1])], { shifts: by, axes: [0] }), x.shape));
}

export const tileOp = defineOp<{ repeats: readonly number[] }>({
  name: "tile",
  infer: ([x], { repeats }) => {
    if (!repeats.every((times) => Number.isInteger(times) && times >= 0)) {
      throw new Error(`tile: repeats ${formatShape(repeats)} are not non-negative integers`);
    }
    if (repeats.length !== x.rank) {
      throw new Error(`tile: repeats ${formatShape(repeats)} do not fit the axes of ${formatShape(x.shape)}`);
    }
    return { shape: x.shape.map((length, axis) => length * repeats[axis]), dtype: x.dtype };
  },
  forward: ([x], { repeats }) => {
    const maps = x.shape.map((length, axis) => ({ length: length * repeats[axis], shift: 0 }));
    return rearrange("tile", x, maps, "wrap");
  },
  vjp: (g, _saved, { inputs: [x], attributes: { repeats } }) => [
    () => {
      // Each repeated axis as [repeats, length], summed over the repeats.
      const shape: number[] = [];
      const axes: number[] = [];
      x.shape.forEach((length, axis) => {
        if (repeats[axis] !== 1) axes.push(shape.push(repeats[axis]) - 1);
        shape.push(length);
      });
      return axes.length > 0 ? sum(reshape(g, shape), axes) : g;
    },
  ],
});

/**
 * x repeated along its axes, a number of times each: [a, b] with repeats [r, s] becomes [r·a, s·b], as `numpy.tile`.
 * The shorter of shape and repeats is filled with ones in front.
 */
export function tile(x: Tensor, repeats: number | readonly number[]): Tensor {
  requireTensors("tile", [x]);
  const times = asList("tile", "repeats", repeats);
  const rank = Math.max(times.length, x.rank);
  const ones = (list: readonly number[]): number[] => [...new Array<number>(rank - list.length).fill(1), ...list];
  return tidy(() => tileOp([reshape(x, ones(x.shape))], { repeats: ones(times) }));
}

/* @__NO_SIDE_EFFECTS__ */ const triangleOp = (name: "tril" | "triu"): Op<{ diagonal: number }> => {
  const op: Op<{ diagonal: number }> = defineOp<{ diagonal: number }>({
    name,
    infer: ([x], { diagonal }) => {
      if (x.rank < 2) throw new Error(`${name}: expected at least two axes, got ${formatShape(x.shape)}`);
      if (!Number.isInteger(diagonal)) throw new Error(`${name}: diagonal ${diagonal} is not an integer`);
      return x;
    },
    forward: ([x], { diagonal }) => triangle(name, x, diagonal, name === "triu"),
    vjp: (g, _saved, { attributes }) => [() => op([g], attributes)],
  });
  return op;
};

export const trilOp = triangleOp("tril");
export const triuOp = triangleOp("triu");

/** The lower triangle of the last two axes: what lies above `diagonal` (0 the main one, 1 the next above) is 0. */
export const tril = (x: Tensor, diagonal = 0): Tensor => trilOp([x], { diagonal });

/** The upper triangle of the last two axes: what lies below `diagonal` (0 the main one, 1 the next above) is 0. */
export const triu = (x: Tensor, diagonal = 0): Tensor => triuOp([x], { diagonal });
