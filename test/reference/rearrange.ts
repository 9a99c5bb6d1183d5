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

export const flip: Reference<{ axes: readonly number[] }> = ([x], { axes }) => {
  const along = axes.map((axis) => fromFront(axis, x.shape.length));
  return generate(x.shape, (index) =>
    pick(
      x,
      index.map((place, axis) => (along.includes(axis) ? x.shape[axis] - 1 - place : place)),
    ),
  );
};

export const roll: Reference<{ shifts: readonly number[]; axes: readonly number[] }> = ([x], { shifts, axes }) => {
  const y = generate(x.shape, () => 0);
  forEachIndex(x.shape, (index, position) => {
    const target = [...index];
    axes.forEach((axis, i) => {
      const along = fromFront(axis, x.shape.length);
      target[along] = fold(target[along] + shifts[i], x.shape[along], "wrap");
    });
    y.data[target.reduce((sum, place, axis) => sum * x.shape[axis] + place, 0)] = x.data[position];
  });
  return y;
};

export const tile: Reference<{ repeats: readonly number[] }> = ([x], { repeats }) =>
  generate(
    x.shape.map((length, axis) => length * repeats[axis]),
    (index) =>
      pick(
        x,
        index.map((place, axis) => place % x.shape[axis]),
      ),
  );

const triangle =
  (keeps: (above: number, diagonal: number) => boolean): Reference<{ diagonal: number }> =>
  ([x], { diagonal }) =>
    generate(x.shape, (index) =>
      keeps(index[index.length - 1] - index[index.length - 2], diagonal) ? pick(x, index) : 0,
    );

export const tril = triangle((above, diagonal) => above <= diagonal);
export const triu = triangle((above, diagonal) => above >= diagonal);
