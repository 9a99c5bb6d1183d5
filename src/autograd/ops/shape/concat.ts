import { copyInto } from "../../../kernels/copy.ts";
import { output } from "../../../kernels/launch.ts";
import {
  describeValue,
  formatShape,
  normalizeAxis,
  requireTensors,
  sliceView,
  type Tensor,
  tidy,
} from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { reshape, slice } from "./views.ts";

/** Tensors one behind the other along an axis: each is copied to its place, whatever their number. */
export const concatOp = defineOp<{ axis: number }>({
  name: "concat",
  infer: (parts, { axis }) => {
    if (parts.length === 0) throw new Error("concat: expected at least one tensor");
    const [{ shape, rank, dtype }] = parts;
    const along = normalizeAxis("concat", axis, rank);
    for (const part of parts) {
      const fits = part.rank === rank && part.shape.every((length, i) => i === along || length === shape[i]);
      if (!fits) {
        throw new Error(
          `concat: ${formatShape(part.shape)} does not continue ${formatShape(shape)} along axis ${axis}; all other axes must be equal`,
        );
      }
      if (part.dtype !== dtype) throw new Error(`concat: types ${dtype} and ${part.dtype} differ; cast one`);
    }
    return {
      shape: shape.with(
        along,
        parts.reduce((sum, part) => sum + part.shape[along], 0),
      ),
      dtype,
    };
  },
  forward: (parts, { axis }) => {
    const along = normalizeAxis("concat", axis, parts[0].rank);
    const length = parts.reduce((sum, part) => sum + part.shape[along], 0);
    const y = output("concat", parts[0], parts[0].shape.with(along, length));
    let begin = 0;
    for (const part of parts) {
      const end = begin + part.shape[along];
      copyInto(sliceView(y, along, begin, end), part);
      begin = end;
    }
    return y;
  },
  vjp: (g, _saved, { inputs, attributes: { axis } }) => {
    const along = normalizeAxis("concat", axis, g.rank);
    let end = 0;
    return inputs.map(({ shape }) => {
      const begin = end;
      end += shape[along];
      return () => slice(g, along, begin, begin + shape[along]);
    });
  },
});

/**
 * Joins tensors along an existing axis: [a, …], [b, …] → [a + b, …]. Exact, in every type; the parts may be empty.
 *
 * @throws when the other axes or the types differ.
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  requireParts("concat", tensors);
  return concatOp(tensors, { axis });
}

function requireParts(op: string, tensors: readonly Tensor[]): void {
  if (!Array.isArray(tensors)) throw new Error(`${op}: expected an array of tensors, got ${describeValue(tensors)}`);
  requireTensors(op, tensors);
}

/**
 * Joins tensors of one shape along a new axis: n of [a, b] → [n, a, b] for axis 0, [a, b, n] for axis −1.
 *
 * @throws when the shapes or types differ.
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  requireParts("stack", tensors);
  if (tensors.length === 0) throw new Error("stack: expected at least one tensor");
  const [{ shape, rank, dtype }] = tensors;
  const along = normalizeAxis("stack", axis, rank + 1);
  for (const part of tensors) {
    if (part.dtype !== dtype) throw new Error(`stack: types ${dtype} and ${part.dtype} differ; cast one`);
    if (formatShape(part.shape) !== formatShape(shape)) {
      throw new Error(`stack: shapes ${formatShape(shape)} and ${formatShape(part.shape)} differ`);
    }
  }
  return tidy(() =>
    concat(
      tensors.map((part) => reshape(part, shape.toSpliced(along, 0, 1))),
      along,
    ),
  );
}
