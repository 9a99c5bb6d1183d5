import reduceSource from "../../shaders/reduce.wgsl";
import { defineKernel } from "../gpu/index.ts";
import {
  formatShape,
  normalizeAxis,
  permuteView,
  reshapeView,
  sizeOf,
  storageType,
  type Tensor,
} from "../tensor/index.ts";
import { contiguous, full, reshaped } from "./copy.ts";
import { castTo } from "./elementwise.ts";
import { gridOf, launch, output } from "./launch.ts";

const REDUCTIONS = {
  sum: { combine: "return a + b;" },
  // Adapters may drop a NaN in max(); its exponent bits tell it, and the sum lets it through.
  max: {
    combine:
      "return select(max(a, b), a + b, max(bitcast<u32>(a) & 0x7fffffffu, bitcast<u32>(b) & 0x7fffffffu) > 0x7f800000u);",
  },
} as const;

export type ReductionName = keyof typeof REDUCTIONS;

const SQUARE = { prepare: "return v * v;" } as const;

const reduceKernel = defineKernel({
  name: "reduce",
  source: reduceSource,
  bindings: { x: "read", y: "read_write" },
  params: { count: "u32", length: "u32", inner: "u32", chunk: "u32", chunks: "u32", xOffset: "u32", yOffset: "u32" },
  variants: () => [...Object.values(REDUCTIONS), { ...REDUCTIONS.sum, ...SQUARE }, { T: "i32", ...REDUCTIONS.sum }],
});

/** Elements one invocation reduces in order: all of a short axis, else a fixed chunk. Depends on the shape alone. */
const chunkOf = (length: number, parallel: number): number => (length <= 512 && parallel >= 64 ? length : 256);

/** Reduces the middle axis of a contiguous [outer, length, inner] in as many stages as it takes. */
function reduceMiddle(
  op: string,
  x: Tensor,
  outer: number,
  length: number,
  inner: number,
  spec: Record<string, string>,
  first: Record<string, string>,
): Tensor {
  let current = x;
  let rest = length;
  let prepare = first;
  do {
    const chunk = chunkOf(rest, outer * inner);
    const chunks = Math.ceil(rest / chunk);
    const y = output(op, x, [outer, chunks, inner]);
    const params = { count: y.size, length: rest, inner, chunk, chunks };
    launch(op, reduceKernel.variant({ ...spec, ...prepare }), [current, y], params, gridOf(y.size));
    if (current !== x) current.dispose();
    current = y;
    rest = chunks;
    prepare = {};
  } while (rest > 1);
  return current;
}

/**
 * Reduces over `axes` (all when undefined); the axes are kept with length 1. Partial results are combined in an
 * order that depends on the shape alone.
 */
export function reduce(op: string, x: Tensor, name: ReductionName, axes?: readonly number[]): Tensor {
  if (x.dtype === "f16") return castTo(reduce(op, castTo(x, "f32"), name, axes), "f16"); // accumulates in f32
  const along = new Set((axes ?? x.shape.map((_, axis) => axis)).map((axis) => normalizeAxis(op, axis, x.rank)));
  const keptShape = x.shape.map((length, axis) => (along.has(axis) ? 1 : length));
  if (x.size === 0) {
    if (name !== "sum" && sizeOf(keptShape) > 0)
      throw new Error(`${op}: no elements to reduce in ${formatShape(x.shape)}`);
    return full(x.gpu, keptShape, 0, x.dtype);
  }
  if (along.size === 0) return reshaped(x, keptShape);
  // One contiguous group of axes is reduced as it lies; otherwise the kept axes are brought to the front.
  const order = [...along].sort((a, b) => a - b);
  const first = order[0];
  const isGroup = order.every((axis, i) => axis === first + i);
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !along.has(axis));
  const source = contiguous(isGroup ? x : permuteView(x, [...kept, ...order]));
  const outer = sizeOf(isGroup ? x.shape.slice(0, first) : kept.map((axis) => x.shape[axis]));
  const length = sizeOf(order.map((axis) => x.shape[axis]));
  const spec = { T: storageType(x.dtype), ...REDUCTIONS[name] };
  const result = reduceMiddle(op, source, outer, length, x.size / outer / length, spec, {});
  return reshapeView(result, keptShape)!;
}

/** Sum of squares of all elements, as a tensor of shape [1]. Large tensors are read in windows. */
export function sumOfSquares(op: string, x: Tensor): Tensor {
  return reshapeView(reduceMiddle(op, contiguous(x), 1, x.size, 1, REDUCTIONS.sum, SQUARE), [1])!;
}
