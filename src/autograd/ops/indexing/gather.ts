import { full } from "../../../kernels/copy.ts";
import { castTo } from "../../../kernels/elementwise/elementwise.ts";
import { gatherAlong } from "../../../kernels/indexing/gather.ts";
import { scatterInto } from "../../../kernels/indexing/scatter.ts";
import { requireFloat, requireInteger } from "../../../kernels/launch.ts";
import {
  broadcastShapes,
  formatShape,
  normalizeAxis,
  requireTensors,
  type Shape,
  type Tensor,
  tidy,
} from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { expand } from "../broadcast.ts";
import { reshape } from "../shape/views.ts";

// Gather and its transpose, which adds, are each other's vector-Jacobian products, so they stand together.

/** Checks indices of a gather or scatter and gives the axis from the front. */
export function checkIndices(op: string, shape: Shape, axis: number, indices: Tensor): number {
  requireInteger(op, indices);
  const along = normalizeAxis(op, axis, shape.length);
  const fits = indices.rank === shape.length && indices.shape.every((length, i) => i === along || length <= shape[i]);
  if (!fits) {
    throw new Error(
      `${op}: indices ${formatShape(indices.shape)} must have the rank of ${formatShape(shape)} and be no longer than it but along axis ${axis}`,
    );
  }
  if (shape[along] === 0 && indices.size > 0) {
    throw new Error(`${op}: axis ${axis} of ${formatShape(shape)} has no elements that indices could name`);
  }
  return along;
}

export const gatherOp = defineOp<{ axis: number }>({
  name: "gather",
  infer: ([x, indices], { axis }) => {
    checkIndices("gather", x.shape, axis, indices);
    return { shape: indices.shape, dtype: x.dtype };
  },
  forward: ([x, indices], { axis }) => gatherAlong("gather", x, indices, normalizeAxis("gather", axis, x.rank)),
  save: ([, indices]) => [indices],
  vjp: (g, [indices], { inputs: [x], attributes: { axis } }) => [() => gatherGradient(g, indices, axis, x.shape), null],
});

/** The transpose of gather: values with equal indices are added, in ascending place. Linear in g. */
export const gatherGradientOp = defineOp<{ axis: number; shape: Shape }>({
  name: "gatherGradient",
  infer: ([g, indices], { axis, shape }) => {
    requireFloat("gatherGradient", g);
    checkIndices("gatherGradient", shape, axis, indices);
    return { shape, dtype: g.dtype };
  },
  forward: ([g, indices], { axis, shape }) => {
    const sums = full(g.gpu, shape, 0);
    const along = normalizeAxis("gatherGradient", axis, g.rank);
    scatterInto("gatherGradient", sums, indices, g.dtype === "f32" ? g : castTo(g, "f32"), along, "add");
    return g.dtype === "f32" ? sums : castTo(sums, g.dtype);
  },
  save: ([, indices]) => [indices],
  vjp: (g, [indices], { attributes: { axis } }) => [() => gather(g, axis, indices), null],
});

const gatherGradient = (g: Tensor, indices: Tensor, axis: number, shape: Shape): Tensor =>
  gatherGradientOp([g, indices], { axis, shape });

/**
 * Picks along one axis, as `torch.gather`: y[i, k, j] = x[i, indices[i, k, j], j]. Indices (i32 or u32) have the rank of
 * x, and y their shape; along the other axes they may be shorter than x, which leaves the rest of x unread.
 *
 * Negative indices count from the end; an index outside is moved to the nearest element, never read out of bounds. The
 * gradient adds the values of repeated indices in ascending k, with the same bits every time.
 *
 * @throws when the ranks or shapes do not fit, or the axis is empty and the indices are not.
 */
export const gather = (x: Tensor, axis: number, indices: Tensor): Tensor => gatherOp([x, indices], { axis });

/**
 * Picks along one axis, as `numpy.take_along_axis`: as {@link gather}, but the other axes of x and indices broadcast, as
 * with argsort's result or one kept axis of argmax.
 *
 * @throws when the ranks differ or the other axes do not broadcast.
 */
export function takeAlongAxis(x: Tensor, indices: Tensor, axis: number): Tensor {
  requireTensors("takeAlongAxis", [x, indices]);
  const along = normalizeAxis("takeAlongAxis", axis, x.rank);
  requireInteger("takeAlongAxis", indices);
  if (indices.rank !== x.rank) {
    throw new Error(
      `takeAlongAxis: indices ${formatShape(indices.shape)} and ${formatShape(x.shape)} must have the same rank`,
    );
  }
  const others = broadcastShapes("takeAlongAxis", x.shape.with(along, 1), indices.shape.with(along, 1));
  return tidy(() => {
    const from = expand(x, others.with(along, x.shape[along]));
    return gather(from, along, expand(indices, others.with(along, indices.shape[along])));
  });
}

/**
 * Whole slices of one axis by number: y[i, k, j] = x[i, indices[k], j], as `torch.index_select`. Indices [K] are i32 or
 * u32; negative ones count from the end, and those outside are moved to the nearest element.
 *
 * @throws when the indices are not of rank 1, or the axis is empty and the indices are not.
 */
export function indexSelect(x: Tensor, axis: number, indices: Tensor): Tensor {
  requireTensors("indexSelect", [x, indices]);
  const along = normalizeAxis("indexSelect", axis, x.rank);
  requireInteger("indexSelect", indices);
  if (indices.rank !== 1) {
    throw new Error(`indexSelect: expected indices of rank 1, got ${formatShape(indices.shape)}`);
  }
  if (x.shape[along] === 0 && indices.size > 0) {
    throw new Error(`indexSelect: axis ${axis} of ${formatShape(x.shape)} has no elements that indices could name`);
  }
  const shape = x.shape.map((_, i) => (i === along ? indices.size : 1));
  return tidy(() => gather(x, along, expand(reshape(indices, shape), x.shape.with(along, indices.size))));
}
