/** Lengths of the axes, outermost first; empty for a scalar. */
export type Shape = readonly number[];

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Strides, in elements, of a row-major tensor. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

export function shapesEqual(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

export const formatShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** @throws with the op's name when a list of whole numbers, such as a shape, is something else. */
export function assertList(op: string, what: string, list: unknown): asserts list is readonly number[] {
  if (!Array.isArray(list) || !list.every((item) => typeof item === "number")) {
    const isOther = typeof list === "object" && list !== null && !Array.isArray(list);
    const given = isOther ? "an object" : (JSON.stringify(list) ?? String(list));
    throw new Error(`${op}: expected ${what} as an array of numbers, got ${given}`);
  }
}

export function assertShape(op: string, shape: Shape): void {
  assertList(op, "a shape", shape);
  for (const length of shape) {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new Error(`${op}: shape ${formatShape(shape)} has a length that is not a non-negative integer`);
    }
  }
}

/** The axis counted from the front; throws with the op's name when it is out of range. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new Error(`${op}: axis ${axis} is out of range for rank ${rank}`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Common shape by NumPy's rules: shapes are aligned at the end, lengths must be equal or 1. */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let axis = 0; axis < rank; axis++) {
    const left = a[a.length - rank + axis] ?? 1;
    const right = b[b.length - rank + axis] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new Error(`${op}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast`);
    }
    result[axis] = left === 1 ? right : left;
  }
  return result;
}

/**
 * Strides of a tensor seen in another shape, when no copy is needed; null when one is.
 * Walks both shapes in groups of axes with equal products; within a group the old axes must be contiguous.
 */
export function reshapeStrides(shape: Shape, strides: readonly number[], target: Shape): number[] | null {
  if (sizeOf(shape) === 0) return contiguousStrides(target);
  const lengths: number[] = [];
  const steps: number[] = [];
  shape.forEach((length, axis) => {
    if (length !== 1) {
      lengths.push(length);
      steps.push(strides[axis]);
    }
  });
  const result = new Array<number>(target.length);
  let old = 0;
  let axis = 0;
  while (axis < target.length) {
    if (old === lengths.length) {
      result[axis++] = 1; // only lengths of 1 are left
      continue;
    }
    let product = target[axis];
    const start = axis++;
    let oldProduct = lengths[old];
    const oldStart = old++;
    while (product !== oldProduct) {
      if (product < oldProduct) product *= target[axis++];
      else {
        if (steps[old - 1] !== lengths[old] * steps[old]) return null;
        oldProduct *= lengths[old++];
      }
    }
    while (axis < target.length && target[axis] === 1) axis++;
    for (let inner = old - 1; inner > oldStart; inner--) {
      if (steps[inner - 1] !== lengths[inner] * steps[inner]) return null;
    }
    let stride = steps[old - 1];
    for (let back = axis - 1; back >= start; back--) {
      result[back] = stride;
      stride *= target[back];
    }
  }
  return result;
}
