import { forEachIndex, fromFront, generate, type NdArray, type Reference } from "./nd-array.ts";

/** The element at an index, of an axis that does not repeat. */
const pick = (x: NdArray, index: readonly number[]): number =>
  x.data[index.reduce((position, place, axis) => position * x.shape[axis] + place, 0)];

type Mode = "constant" | "edge" | "reflect" | "symmetric" | "wrap";

/** Walks from a place outside of 0 … n − 1 to the place it stands for, one reflection at a time; −1 for none. */
function fold(place: number, n: number, mode: Mode): number {
  let v = place;
  while (v < 0 || v >= n) {
    if (mode === "constant") return -1;
    if (mode === "edge") v = v < 0 ? 0 : n - 1;
    else if (mode === "wrap") v += v < 0 ? n : -n;
    else {
      const repeated = mode === "symmetric" ? 1 : 0;
      v = v < 0 ? -v - repeated : 2 * (n - 1) - v + repeated;
    }
  }
  return v;
}

interface PadAttributes {
  widths: readonly (readonly [number, number])[];
  mode: Mode;
  value: number;
}

export const pad: Reference<PadAttributes> = ([x], { widths, mode, value }) => {
  const shape = x.shape.map((n, axis) => n + widths[axis][0] + widths[axis][1]);
  return generate(shape, (index) => {
    const source = index.map((place, axis) => fold(place - widths[axis][0], x.shape[axis], mode));
    return source.includes(-1) ? value : pick(x, source);
  });
};

export const padGradient: Reference<Omit<PadAttributes, "value"> & { shape: readonly number[] }> = (
  [g],
  { shape, widths, mode },
) => {
  const sums = generate(shape, () => 0);
  forEachIndex(g.shape, (index, position) => {
    const source = index.map((place, axis) => fold(place - widths[axis][0], shape[axis], mode));
    sums.data[source.reduce((sum, place, axis) => sum * shape[axis] + place, 0)] += g.data[position];
  });
  return sums;
};

export const concat: Reference<{ axis: number }> = (parts, { axis }) => {
  const along = fromFront(axis, parts[0].shape.length);
  const length = parts.reduce((sum, { shape }) => sum + shape[along], 0);
  return generate(parts[0].shape.with(along, length), (index) => {
    let place = index[along];
    for (const part of parts) {
      if (place < part.shape[along]) return pick(part, index.with(along, place));
      place -= part.shape[along];
    }
    throw new Error("unreachable");
  });
};
