import { forEachIndex, fromFront, generate, type NdArray, type Reference } from "./nd-array.ts";

interface ReduceAttributes {
  axes?: readonly number[];
  keepDimensions?: boolean;
}

/** A reduction as a function of the list of its elements, in row-major order. */
const reduction =
  <A extends ReduceAttributes>(result: (values: readonly number[], attributes: A) => number): Reference<A> =>
  ([x], attributes) => {
    const { axes, keepDimensions } = attributes;
    const along = new Set((axes ?? x.shape.map((_, axis) => axis)).map((axis) => fromFront(axis, x.shape.length)));
    const kept = x.shape.map((length, axis) => (along.has(axis) ? 1 : length));
    const total = generate(kept, () => 0);
    const lists: number[][] = Array.from(total.data, () => []);
    forEachIndex(x.shape, (index, position) => {
      let place = 0;
      for (let axis = 0; axis < kept.length; axis++) place = place * kept[axis] + (along.has(axis) ? 0 : index[axis]);
      lists[place].push(x.data[position]);
    });
    lists.forEach((list, place) => {
      total.data[place] = result(list, attributes);
    });
    return { shape: keepDimensions ? kept : x.shape.filter((_, axis) => !along.has(axis)), data: total.data };
  };

const add = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const sum = reduction(add);
export const mean = reduction((values) => add(values) / values.length);
export const prod = reduction((values) => values.reduce((product, value) => product * value, 1));
export const max = reduction((values) => Math.max(...values));
export const min = reduction((values) => Math.min(...values));
export const any = reduction((values) => (values.some((value) => value !== 0) ? 1 : 0));
export const all = reduction((values) => (values.every((value) => value !== 0) ? 1 : 0));

export const logsumexp = reduction((values) => {
  const top = Math.max(...values);
  return Number.isFinite(top) ? top + Math.log(add(values.map((value) => Math.exp(value - top)))) : top;
});

const squaredDeviation = (values: readonly number[], { correction }: { correction: number }): number => {
  const centre = add(values) / values.length;
  return add(values.map((value) => (value - centre) ** 2)) / Math.max(0, values.length - correction);
};

type VarianceAttributes = ReduceAttributes & { correction: number };
export const variance = reduction<VarianceAttributes>(squaredDeviation);
export const std = reduction<VarianceAttributes>((values, attributes) =>
  Math.sqrt(squaredDeviation(values, attributes)),
);

export const norm = reduction<ReduceAttributes & { order: number }>((values, { order }) => {
  const magnitudes = values.map(Math.abs);
  if (order === 0) return magnitudes.filter((value) => value !== 0).length;
  if (order === Number.POSITIVE_INFINITY) return Math.max(...magnitudes);
  if (order === Number.NEGATIVE_INFINITY) return Math.min(...magnitudes);
  return add(magnitudes.map((value) => value ** order)) ** (1 / order);
});

const argument = (
  better: (a: number, b: number) => boolean,
): Reference<{ axis?: number; keepDimensions?: boolean }> => {
  const find = reduction((values) =>
    values.reduce(
      (best, value, i) =>
        better(value, values[best]) || (Number.isNaN(value) && !Number.isNaN(values[best])) ? i : best,
      0,
    ),
  );
  return (inputs, { axis, keepDimensions }) =>
    find(inputs, { axes: axis === undefined ? undefined : [axis], keepDimensions });
};

export const argmax = argument((a, b) => a > b);
export const argmin = argument((a, b) => a < b);

interface CumulativeAttributes {
  axis: number;
  exclusive?: boolean;
  reverse?: boolean;
}

export const cumsum: Reference<CumulativeAttributes> = ([x], { axis, exclusive, reverse }) => {
  const along = fromFront(axis, x.shape.length);
  const length = x.shape[along];
  const inner = x.shape.slice(along + 1).reduce((product, n) => product * n, 1);
  const data = new Float64Array(x.data.length);
  for (let start = 0; start < data.length; start++) {
    if (Math.floor(start / inner) % length !== 0) continue;
    let total = 0;
    for (let k = 0; k < length; k++) {
      const place = start + (reverse ? length - 1 - k : k) * inner;
      const before = total;
      total += x.data[place];
      data[place] = exclusive ? before : total;
    }
  }
  return { shape: x.shape, data } satisfies NdArray;
};

interface SortAttributes {
  axis: number;
  descending: boolean;
  keep?: number;
}

/** NaN is the greatest; equal values keep their order. */
export const argsort: Reference<SortAttributes> = ([x], { axis, descending, keep }) => {
  const along = fromFront(axis, x.shape.length);
  const length = x.shape[along] ?? 1;
  const inner = x.shape.slice(along + 1).reduce((product, n) => product * n, 1);
  const count = keep ?? length;
  const shape = x.shape.length > 0 ? x.shape.with(along, count) : [];
  const data = new Float64Array((x.data.length / length) * count);
  const compare = (a: number, b: number): number => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return a - b;
  };
  for (let line = 0; line < x.data.length / length; line++) {
    const [row, column] = [Math.floor(line / inner), line % inner];
    const value = (k: number): number => x.data[(row * length + k) * inner + column];
    const order = Array.from({ length }, (_, k) => k).sort(
      (a, b) => (descending ? -1 : 1) * compare(value(a), value(b)),
    );
    for (let k = 0; k < count; k++) data[(row * count + k) * inner + column] = order[k];
  }
  return { shape, data };
};
