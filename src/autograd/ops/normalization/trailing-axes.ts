import {
  formatShape,
  requireTensors,
  type Shape,
  shapesEqual,
  sizeOf,
  type Tensor,
  tidy,
} from "../../../tensor/index.ts";
import { reshape } from "../shape/views.ts";

/**
 * Normalises the trailing axes of x as one: `normalizedShape`, or the shape of a vector, or the last axis. A single
 * axis is handed on as it is.
 *
 * @throws with the op's name when x does not end in that shape.
 */
export function overTrailingAxes(
  op: string,
  x: Tensor,
  normalizedShape: Shape | undefined,
  vectors: readonly (Tensor | null | undefined)[],
  normalize: (x: Tensor, vectors: readonly (Tensor | undefined)[]) => Tensor,
): Tensor {
  requireTensors(op, [x, ...vectors.filter((vector) => vector)]);
  const shape = normalizedShape ?? vectors.find((vector) => vector)?.shape ?? x.shape.slice(-1);
  const begin = x.rank - shape.length;
  if (shape.length === 0 || begin < 0 || !shapesEqual(x.shape.slice(begin), shape)) {
    throw new Error(
      `${op}: expected an input that ends in the normalised shape ${formatShape(shape)}, got ${formatShape(x.shape)}`,
    );
  }
  for (const vector of vectors) {
    if (vector && !shapesEqual(vector.shape, shape)) {
      throw new Error(
        `${op}: weight and bias must have the normalised shape ${formatShape(shape)}, got ${formatShape(vector.shape)}`,
      );
    }
  }
  const given = vectors.map((vector) => vector ?? undefined);
  if (shape.length === 1) return normalize(x, given);
  const columns = sizeOf(shape);
  return tidy(() => {
    const rows = reshape(x, [...x.shape.slice(0, begin), columns]);
    const lines = given.map((vector) => vector && reshape(vector, [columns]));
    return reshape(normalize(rows, lines), x.shape);
  });
}
