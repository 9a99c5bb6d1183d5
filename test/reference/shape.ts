import { at, fromFront, generate, type Reference, sizeOf } from "./nd-array.ts";

export const reshape: Reference<{ shape: readonly number[] }> = ([x], { shape }) => {
  const known = shape.reduce((product, length) => (length < 0 ? product : product * length), 1);
  return { shape: shape.map((length) => (length < 0 ? sizeOf(x.shape) / known : length)), data: x.data.slice() };
};

export const permute: Reference<{ axes: readonly number[] }> = ([x], { axes }) => {
  const order = axes.map((axis) => fromFront(axis, axes.length));
  return generate(
    order.map((axis) => x.shape[axis]),
    (index) => {
      const source = new Array<number>(order.length);
      order.forEach((axis, i) => {
        source[axis] = index[i];
      });
      return at(x, source);
    },
  );
};

export const slice: Reference<{ axis: number; begin: number; end: number; step?: number }> = (
  [x],
  { axis, begin, end, step = 1 },
) => {
  const along = fromFront(axis, x.shape.length);
  const length = x.shape[along];
  const first = fromFront(begin, length);
  return generate(x.shape.with(along, Math.ceil((fromFront(end, length) - first) / step)), (index) => {
    // `at` would repeat an axis of length 1; a slice never asks for more than there is.
    return at(x, index.with(along, first + index[along] * step));
  });
};

export const padAxis: Reference<{ axis: number; begin: number; shape: readonly number[]; step?: number }> = (
  [x],
  { axis, begin, shape, step = 1 },
) => {
  const along = fromFront(axis, x.shape.length);
  return generate(shape, (index) => {
    const place = (index[along] - begin) / step;
    return Number.isInteger(place) && place >= 0 && place < x.shape[along] ? at(x, index.with(along, place)) : 0;
  });
};

export const expand: Reference<{ shape: readonly number[] }> = ([x], { shape }) =>
  generate(shape, (index) => at(x, index));

export const contiguous: Reference = ([x]) => ({ shape: x.shape, data: x.data.slice() });
