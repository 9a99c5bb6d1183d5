import { forEachIndex, fromFront, generate, type NdArray, type Reference } from "./nd-array.ts";

const position = (shape: readonly number[], index: readonly number[]): number =>
  index.reduce((sum, place, axis) => sum * shape[axis] + place, 0);

/** Negative indices count from the end, and those outside are moved to the nearest place. */
const placeOf = (index: number, length: number): number => Math.min(Math.max(fromFront(index, length), 0), length - 1);

export const gather: Reference<{ axis: number }> = ([x, indices], { axis }) => {
  const along = fromFront(axis, x.shape.length);
  return generate(indices.shape, (index) => {
    const place = placeOf(indices.data[position(indices.shape, index)], x.shape[along]);
    return x.data[position(x.shape, index.with(along, place))];
  });
};

/** Calls `visit` with the place in the target and in the source of every value, in ascending order. */
function scatterEach(
  shape: readonly number[],
  axis: number,
  indices: NdArray,
  visit: (target: number, source: number) => void,
): void {
  const along = fromFront(axis, shape.length);
  forEachIndex(indices.shape, (index, source) => {
    visit(position(shape, index.with(along, placeOf(indices.data[source], shape[along]))), source);
  });
}

export const gatherGradient: Reference<{ axis: number; shape: readonly number[] }> = (
  [g, indices],
  { axis, shape },
) => {
  const sums = generate(shape, () => 0);
  scatterEach(shape, axis, indices, (target, source) => {
    sums.data[target] += g.data[source];
  });
  return sums;
};

export const scatterAdd: Reference<{ axis: number }> = ([x, indices, source], { axis }) => {
  const y = { shape: x.shape, data: x.data.slice() };
  scatterEach(x.shape, axis, indices, (target, from) => {
    y.data[target] += source.data[from];
  });
  return y;
};

export const scatter: Reference<{ axis: number }> = ([x, indices, source], { axis }) => {
  const y = { shape: x.shape, data: x.data.slice() };
  scatterEach(x.shape, axis, indices, (target, from) => {
    y.data[target] = source.data[from];
  });
  return y;
};
