import { at, forEachIndex, fromFront, generate, type NdArray, type Reference } from "./nd-array.ts";

interface Attributes {
  offset: number;
  axis1: number;
  axis2: number;
}

/** The index in the whole of an index into its diagonal. */
function wholeIndex(index: readonly number[], rank: number, { offset, axis1, axis2 }: Attributes): number[] {
  const [i, j] = [fromFront(axis1, rank), fromFront(axis2, rank)];
  const others = [...index.slice(0, -1)];
  const place = index[index.length - 1];
  return Array.from({ length: rank }, (_, axis) => {
    if (axis === i) return place + Math.max(-offset, 0);
    return axis === j ? place + Math.max(offset, 0) : (others.shift() as number);
  });
}

export const diagonal: Reference<Attributes> = ([x], attributes) => {
  const rank = x.shape.length;
  const [i, j] = [fromFront(attributes.axis1, rank), fromFront(attributes.axis2, rank)];
  const [down, right] = [Math.max(-attributes.offset, 0), Math.max(attributes.offset, 0)];
  const others = x.shape.filter((_, axis) => axis !== i && axis !== j);
  const shape = [...others, Math.min(x.shape[i] - down, x.shape[j] - right)];
  return generate(shape, (index) => at(x, wholeIndex(index, rank, attributes)));
};

export const embedDiagonal: Reference<Attributes & { shape: readonly number[] }> = ([x], { shape, ...attributes }) => {
  const y: NdArray = generate(shape, () => 0);
  forEachIndex(x.shape, (index, position) => {
    const whole = wholeIndex(index, shape.length, attributes);
    y.data[whole.reduce((place, at, axis) => place * shape[axis] + at, 0)] = x.data[position];
  });
  return y;
};
