/** Axes a strided kernel can walk after merging. */
const MAXIMUM_RANK = 8;

/**
 * Merges axes that all operands walk as one, and drops axes of length 1, so that most views need few axes.
 *
 * @throws when more than 8 axes are left.
 */
export function mergeAxes(
  op: string,
  shape: readonly number[],
  operands: readonly (readonly number[])[],
): { shape: number[]; strides: number[][] } {
  const merged: number[] = [];
  const strides: number[][] = operands.map(() => []);
  shape.forEach((length, axis) => {
    if (length === 1) return;
    const last = merged.length - 1;
    const joins = last >= 0 && operands.every((own, i) => strides[i][last] === own[axis] * length);
    if (joins) {
      merged[last] *= length;
      operands.forEach((own, i) => {
        strides[i][last] = own[axis];
      });
    } else {
      merged.push(length);
      operands.forEach((own, i) => {
        strides[i].push(own[axis]);
      });
    }
  });
  if (merged.length > MAXIMUM_RANK) {
    throw new Error(`${op}: a view with ${merged.length} separate axes exceeds the ${MAXIMUM_RANK} a kernel can walk`);
  }
  return { shape: merged, strides };
}

/** Splits up to eight numbers into the two vectors of a uniform struct. */
export function twoVectors(name: string, values: readonly number[]): Record<string, readonly number[]> {
  const padded = [...values, 0, 0, 0, 0, 0, 0, 0, 0];
  return { [`${name}0`]: padded.slice(0, 4), [`${name}1`]: padded.slice(4, 8) };
}
