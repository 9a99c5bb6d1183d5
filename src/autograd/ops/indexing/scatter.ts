import { full } from "../../../kernels/copy.ts";
import { scatterAlong } from "../../../kernels/indexing/scatter.ts";
import { arange, formatShape, normalizeAxis, type Shape, shapesEqual, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { expand } from "../broadcast.ts";
import { equal, where } from "../elementwise/index.ts";
import { reshape } from "../shape/views.ts";
import { checkIndices, gather } from "./gather.ts";

/** Checks what is scattered: values of the type of x, one for each index. */
function checkSource(op: string, [x, indices, source]: readonly Tensor[], axis: number): void {
  checkIndices(op, x.shape, axis, indices);
  if (source.dtype !== x.dtype) throw new Error(`${op}: types ${x.dtype} and ${source.dtype} differ; cast one`);
  if (!shapesEqual(source.shape, indices.shape)) {
    throw new Error(
      `${op}: source ${formatShape(source.shape)} must have the shape of indices ${formatShape(indices.shape)}`,
    );
  }
}

export const scatterOp = defineOp<{ axis: number }>({
  name: "scatter",
  infer: (inputs, { axis }) => {
    checkSource("scatter", inputs, axis);
    return inputs[0];
  },
  forward: ([x, indices, source], { axis }) =>
    scatterAlong("scatter", x, indices, source, normalizeAxis("scatter", axis, x.rank), "replace"),
  save: ([, indices]) => [indices],
  vjp: (g, [indices], { inputs: [x], attributes: { axis } }) => [
    () => scatter(g, axis, indices, full(g.gpu, indices.shape, 0, g.dtype)),
    null,
    () => where(stays(x.shape, axis, indices), gather(g, axis, indices), 0),
  ],
});

/** Whether a value that is scattered stays: no later one of its line names the same place. */
function stays(shape: Shape, axis: number, indices: Tensor): Tensor {
  const along = normalizeAxis("scatter", axis, shape.length);
  const numbers = arange(0, indices.shape[along], 1, { dtype: "i32", gpu: indices.gpu });
  const order = expand(
    reshape(
      numbers,
      shape.map((_, i) => (i === along ? numbers.size : 1)),
    ),
    indices.shape,
  );
  const last = scatter(full(indices.gpu, shape, 0, "i32"), axis, indices, order);
  return equal(gather(last, axis, indices), order);
}

/**
 * x with values put along one axis, as `torch.scatter`: y[i, indices[i, k, j], j] = source[i, k, j]. Of several values for
 * one place the last stays, that with the greatest k, and it alone receives the gradient. Source and indices (i32 or
 * u32) have one shape, no longer than that of x but along the axis. Exact in every type.
 *
 * Negative indices count from the end; an index outside is moved to the nearest place.
 *
 * @throws when shapes or types do not fit, or the axis is empty and the indices are not.
 */
export const scatter = (x: Tensor, axis: number, indices: Tensor, source: Tensor): Tensor =>
  scatterOp([x, indices, source], { axis });

export const scatterAddOp = defineOp<{ axis: number }>({
  name: "scatterAdd",
  infer: (inputs, { axis }) => {
    checkSource("scatterAdd", inputs, axis);
    if (inputs[0].dtype === "bool") throw new Error("scatterAdd: expected numbers, got bool");
    return inputs[0];
  },
  forward: ([x, indices, source], { axis }) =>
    scatterAlong("scatterAdd", x, indices, source, normalizeAxis("scatterAdd", axis, x.rank), "add"),
  save: ([, indices]) => [indices],
  vjp: (g, [indices], { attributes: { axis } }) => [() => g, null, () => gather(g, axis, indices)],
});

/**
 * x with values added along one axis, as `torch.scatter_add`: y[i, indices[i, k, j], j] += source[i, k, j]. Values for
 * one place are added in ascending k, without atomics: forward and backward give the same bits every time. Source and
 * indices (i32 or u32) have one shape, no longer than that of x but along the axis.
 *
 * Negative indices count from the end; an index outside is moved to the nearest place.
 *
 * @throws when shapes or types do not fit, or the axis is empty and the indices are not.
 */
export const scatterAdd = (x: Tensor, axis: number, indices: Tensor, source: Tensor): Tensor =>
  scatterAddOp([x, indices, source], { axis });
