/** A row-major array in double precision. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** What an op computes, in plain loops: the inputs in order and the op's attributes. */
export type Reference<Attributes = Record<string, never>> = (
  inputs: readonly NdArray[],
  attributes: Attributes,
) => NdArray;

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** Calls `visit` with every index of a shape, in row-major order. The index array is reused. */
export function forEachIndex(
  shape: readonly number[],
  visit: (index: readonly number[], position: number) => void,
): void {
  const index = shape.map(() => 0);
  const size = sizeOf(shape);
  for (let position = 0; position < size; position++) {
    visit(index, position);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

/** The array whose element at `index` is `value(index)`. */
export function generate(shape: readonly number[], value: (index: readonly number[]) => number): NdArray {
  const data = new Float64Array(sizeOf(shape));
  forEachIndex(shape, (index, position) => {
    data[position] = value(index);
  });
  return { shape, data };
}

/** An element by its index. An axis of length 1 repeats, and an index may have more axes in front: NumPy's broadcasting. */
export function at(x: NdArray, index: readonly number[]): number {
  const skipped = index.length - x.shape.length;
  let position = 0;
  for (let axis = 0; axis < x.shape.length; axis++) {
    position = position * x.shape[axis] + (x.shape[axis] === 1 ? 0 : index[skipped + axis]);
  }
  return x.data[position];
}

/** The rows of the last axis, as views. */
export function rowsOf(x: NdArray): Float64Array[] {
  const columns = x.shape[x.shape.length - 1];
  return Array.from({ length: sizeOf(x.shape.slice(0, -1)) }, (_, row) =>
    x.data.subarray(row * columns, (row + 1) * columns),
  );
}

export const fromRows = (shape: readonly number[], rows: readonly ArrayLike<number>[]): NdArray => {
  const data = new Float64Array(sizeOf(shape));
  let position = 0;
  for (const row of rows) {
    data.set(row, position);
    position += row.length;
  }
  return { shape, data };
};

export const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
