import { sliceView, type Tensor } from "../../tensor/index.ts";
import { fitsBinding, halvesOf, longestAxis } from "../windows.ts";

/** A tensor with an indexed axis, and what is read from it or written to it, over the shape of the indices. */
export interface Indexed {
  /** As `values`, but for the axis. */
  target: Tensor;
  indices: Tensor;
  values: Tensor;
  axis: number;
  /** Where the target begins on the whole axis, and how long that is. */
  begin: number;
  length: number;
}

/** An axis along which a part must be halved, whatever can be bound; undefined when it need not be. */
export type Halving = (part: Indexed) => number | undefined;

/**
 * Runs `body` over parts that can be bound: once, with everything, when it fits. Parts of one line come in order. The
 * target is cut along its indexed axis last, because each of its windows looks at all indices.
 */
export function forIndexedParts(op: string, whole: Indexed, halving: Halving, body: (part: Indexed) => void): void {
  const { target, indices, values, axis } = whole;
  const tooLarge = [indices, values, target].find((x) => !fitsBinding(x));
  const along = tooLarge ? longestAxis(op, tooLarge) : halving(whole);
  if (along === undefined) {
    body(whole);
    return;
  }
  const isWindow = tooLarge === target && along === axis;
  for (const [begin, end] of halvesOf(isWindow ? target.shape[axis] : values.shape[along])) {
    const cut = (x: Tensor): Tensor => sliceView(x, along, begin, end);
    const half = {
      ...whole,
      target: isWindow || along !== axis ? cut(target) : target,
      indices: isWindow ? indices : cut(indices),
      values: isWindow ? values : cut(values),
      begin: isWindow ? whole.begin + begin : whole.begin,
    };
    forIndexedParts(op, half, halving, body);
    for (const x of [half.target, half.indices, half.values]) {
      if (x !== target && x !== indices && x !== values) x.dispose();
    }
  }
}

/** The part of `x` that indices of a shape can name: their shape, and the whole axis. */
export function named(x: Tensor, indices: Tensor, axis: number): Tensor {
  return x.view(indices.shape.with(axis, x.shape[axis]), x.strides);
}
