import { fromFront, generate, type NdArray, sizeOf } from "./nd-array.ts";

/** The order in which the kernels combine, in f32: what they must agree with in every bit. */

const { fround } = Math;

export interface OrderedReduction<T> {
  prepare(value: number, index: number): T;
  combine(a: T, b: T): T;
  finish(a: T, count: number): number;
}

const plain = (combine: (a: number, b: number) => number): OrderedReduction<number> => ({
  prepare: (value) => value,
  combine,
  finish: (a) => a,
});

const argument = (better: (a: number, b: number) => boolean): OrderedReduction<[number, number]> => ({
  prepare: (value, index) => [value, index],
  combine: (a, b) => (better(b[0], a[0]) || (b[0] === a[0] && b[1] < a[1]) ? b : a),
  finish: (a) => a[1],
});

type Moments = [count: number, anchor: number, mean: number, squares: number];

const mergeMoments = (a: Moments, b: Moments): Moments => {
  const n = a[0] + b[0];
  const d = fround(fround(b[1] - a[1]) + fround(b[2] - a[2]));
  const w = fround(d * fround(b[0] / n));
  const between = fround(fround(fround(d - w) * d) * b[0]);
  return [n, a[1], fround(a[2] + w), fround(fround(a[3] + b[3]) + between)];
};

const moments = (finish: (variance: number) => number): OrderedReduction<Moments> => ({
  prepare: (value) => [1, value, 0, 0],
  combine: mergeMoments,
  finish: (a, count) => finish(fround(a[3] / (count - 1))),
});

export const ORDERED = {
  sum: plain((a, b) => fround(a + b)),
  mean: { ...plain((a, b) => fround(a + b)), finish: (a: number, count: number) => fround(a / count) },
  prod: plain((a, b) => fround(a * b)),
  max: plain(Math.max),
  min: plain(Math.min),
  argmax: argument((a, b) => a > b),
  argmin: argument((a, b) => a < b),
  variance: moments((variance) => variance),
};

/** Integers wrap around. */
export const ORDERED_INTEGERS = {
  sum: plain((a, b) => (a + b) | 0),
  prod: plain(Math.imul),
  max: plain(Math.max),
};

/** The chunk of each of `length` elements; 0 of all where one chunk is left. */
function chunkOf(length: number, parallel: number, isInterleaved: boolean): (r: number) => number {
  if (length <= 256 || (length <= 512 && parallel >= 64)) return () => 0;
  if (!isInterleaved) return (r) => Math.floor(r / 256);
  const turns = Math.min(32, Math.ceil(length / 64));
  return (r) => 32 * Math.floor(r / 8192) + (r % turns);
}

function reduceList<T>(
  values: readonly number[],
  parallel: number,
  isInterleaved: boolean,
  { prepare, combine, finish }: OrderedReduction<T>,
): number {
  for (let list = values.map(prepare); ; ) {
    const chunk = chunkOf(list.length, parallel, isInterleaved);
    const partials: T[] = [];
    list.forEach((value, r) => {
      const c = chunk(r);
      partials[c] = c in partials ? combine(partials[c], value) : value;
    });
    if (partials.length === 1) return finish(partials[0], values.length);
    list = partials;
  }
}

/** Reduces over axes, which are dropped. */
export function reduceInOrder<T>(x: NdArray, axes: readonly number[], reduction: OrderedReduction<T>): number[] {
  const along = new Set(axes.map((axis) => fromFront(axis, x.shape.length)));
  const kept = x.shape.filter((_, axis) => !along.has(axis));
  const lists = Array.from({ length: sizeOf(kept) }, (): number[] => []);
  generate(x.shape, (index) => {
    const place = index.reduce((p, i, axis) => (along.has(axis) ? p : p * x.shape[axis] + i), 0);
    const position = index.reduce((p, i, axis) => p * x.shape[axis] + i, 0);
    return lists[place].push(x.data[position]);
  });
  const isInterleaved = along.has(x.shape.findLastIndex((length) => length > 1));
  return lists.map((list) => reduceList(list, lists.length, isInterleaved, reduction));
}

function scanList(values: readonly number[], parallel: number, exclusive: boolean): number[] {
  const chunk = values.length <= 512 && parallel >= 64 ? values.length : 256;
  const totals: number[] = [];
  const running: number[] = [];
  for (let begin = 0; begin < values.length; begin += chunk) {
    let total = 0;
    for (const value of values.slice(begin, begin + chunk)) {
      const before = total;
      total = fround(total + value);
      running.push(exclusive ? before : total);
    }
    totals.push(total);
  }
  if (totals.length === 1) return running;
  const offsets = scanList(totals, parallel, true);
  return running.map((value, k) => fround(offsets[Math.floor(k / chunk)] + value));
}

/** Running sums along an axis. */
export function scanInOrder(x: NdArray, axis: number, exclusive: boolean, reverse: boolean): number[] {
  const along = fromFront(axis, x.shape.length);
  const length = x.shape[along];
  const inner = sizeOf(x.shape.slice(along + 1));
  const lines = x.data.length / length;
  const result = new Array<number>(x.data.length);
  for (let line = 0; line < lines; line++) {
    const start = Math.floor(line / inner) * length * inner + (line % inner);
    const places = Array.from({ length }, (_, k) => start + (reverse ? length - 1 - k : k) * inner);
    const sums = scanList(
      places.map((place) => x.data[place]),
      lines,
      exclusive,
    );
    places.forEach((place, k) => {
      result[place] = sums[k];
    });
  }
  return result;
}
