import gatherSource from "../../shaders/gather.wgsl";
import scatterSource from "../../shaders/scatter.wgsl";
import { defineKernel } from "../gpu/index.ts";
import { type DType, sliceView, storageType, type Tensor } from "../tensor/index.ts";
import { copy } from "./copy.ts";
import { castTo } from "./elementwise.ts";
import { isSigned, linksHalving, makeLinks, NONE } from "./index-links.ts";
import { gridOf, launch, output } from "./launch.ts";
import { mergeAround, twoVectors } from "./strided.ts";
import { fitsBinding, halvesOf, longestAxis } from "./windows.ts";

const HALF = { T: "f16", enable: "f16" };

const gatherKernel = defineKernel({
  name: "gather",
  source: gatherSource,
  bindings: { x: "read", indices: "read", y: "read_write" },
  params: {
    shape0: "vec4<u32>",
    shape1: "vec4<u32>",
    xStrides0: "vec4<u32>",
    xStrides1: "vec4<u32>",
    indicesStrides0: "vec4<u32>",
    indicesStrides1: "vec4<u32>",
    yStrides0: "vec4<u32>",
    yStrides1: "vec4<u32>",
    count: "u32",
    rank: "u32",
    isSigned: "u32",
    length: "u32",
    begin: "u32",
    window: "u32",
    axisStride: "u32",
    xOffset: "u32",
    indicesOffset: "u32",
    yOffset: "u32",
  },
  variants: () => [HALF],
});

/** What becomes of several values for one place. */
const COMBINE = {
  add: "return total + v;",
  /** The last one stays. */
  replace: "return v;",
} as const;

export type ScatterName = keyof typeof COMBINE;

const scatterKernel = defineKernel({
  name: "scatter",
  source: scatterSource,
  bindings: { source: "read", links: "read", y: "read_write" },
  params: {
    shape0: "vec4<u32>",
    shape1: "vec4<u32>",
    sourceStrides0: "vec4<u32>",
    sourceStrides1: "vec4<u32>",
    linksStrides0: "vec4<u32>",
    linksStrides1: "vec4<u32>",
    yStrides0: "vec4<u32>",
    yStrides1: "vec4<u32>",
    count: "u32",
    rank: "u32",
    axis: "u32",
    lineLength: "u32",
    begin: "u32",
    window: "u32",
    sourceOffset: "u32",
    yOffset: "u32",
  },
  variants: () => [
    ...(["f32", "i32", "u32"] as const).map((dtype) => scatterSpecialization("add", dtype)),
    ...(["u32", "f16"] as const).map((dtype) => scatterSpecialization("replace", dtype)),
  ],
});

function scatterSpecialization(name: ScatterName, dtype: DType): Record<string, string> {
  // A value that only replaces is copied as its bits.
  const type = dtype === "f16" ? "f16" : name === "replace" ? "u32" : storageType(dtype);
  return { T: type, combine: COMBINE[name], ...(type === "f16" ? { enable: "f16" } : {}) };
}

/** A tensor with an indexed axis, and what is read from it or written to it, over the shape of the indices. */
interface Indexed {
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
type Halving = (part: Indexed) => number | undefined;

/**
 * Runs `body` over parts that can be bound: once, with everything, when it fits. Parts of one line come in order. The
 * target is cut along its indexed axis last, because each of its windows looks at all indices.
 */
function forIndexedParts(op: string, whole: Indexed, halving: Halving, body: (part: Indexed) => void): void {
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
function named(x: Tensor, indices: Tensor, axis: number): Tensor {
  return x.view(indices.shape.with(axis, x.shape[axis]), x.strides);
}

/**
 * y[i, k, j] = x[i, indices[i, k, j], j] along an axis. The other axes of `indices` are no longer than those of `x`;
 * views that repeat (stride 0) are fine for both.
 */
export function gatherAlong(op: string, x: Tensor, indices: Tensor, axis: number): Tensor {
  const y = output(op, x, indices.shape);
  if (y.size === 0) return y;
  const variant = gatherKernel.variant(x.dtype === "f16" ? HALF : {});
  const target = named(x, indices, axis);
  const whole = { target, indices, values: y, axis, begin: 0, length: x.shape[axis] };
  forIndexedParts(
    op,
    whole,
    () => undefined,
    (part) => {
      const { shape, strides, ...merged } = mergeAround(
        op,
        part.indices.shape,
        [part.target.strides, part.indices.strides, part.values.strides],
        axis,
      );
      const params = {
        ...twoVectors("shape", shape),
        ...twoVectors("xStrides", strides[0].with(merged.axis, 0)),
        ...twoVectors("indicesStrides", strides[1]),
        ...twoVectors("yStrides", strides[2]),
        count: part.values.size,
        rank: shape.length,
        isSigned: isSigned(indices),
        length: part.length,
        begin: part.begin,
        window: part.target.shape[axis],
        axisStride: strides[0][merged.axis],
      };
      launch(op, variant, [part.target, part.indices, part.values], params, gridOf(part.values.size));
    },
  );
  target.dispose();
  return y;
}

/**
 * `x` with the values of `source` added to, or put in, the places `indices` name along an axis: source[i, k, j] goes to
 * y[i, indices[i, k, j], j]. Values for one place are taken in ascending k, so the bits are the same every time.
 * Halves are added in f32 and rounded once.
 */
export function scatterAlong(
  op: string,
  x: Tensor,
  indices: Tensor,
  source: Tensor,
  axis: number,
  name: ScatterName,
  ignored = NONE,
): Tensor {
  if (x.dtype === "f16" && name === "add") {
    const wide = scatterAlong(op, castTo(x, "f32"), indices, castTo(source, "f32"), axis, name, ignored);
    return castTo(wide, "f16");
  }
  const y = copy(x);
  scatterInto(op, y, indices, source, axis, name, ignored);
  return y;
}

/** As `scatterAlong`, into a tensor that nothing else refers to; not for halves that are added. */
export function scatterInto(
  op: string,
  y: Tensor,
  indices: Tensor,
  source: Tensor,
  axis: number,
  name: ScatterName,
  ignored = NONE,
): void {
  if (indices.size === 0) return;
  const variant = scatterKernel.variant(scatterSpecialization(name, y.dtype));
  const target = named(y, indices, axis);
  const values = source.view(indices.shape, source.strides);
  const whole = { target, indices, values, axis, begin: 0, length: y.shape[axis] };
  forIndexedParts(
    op,
    whole,
    ({ indices: own }) => linksHalving(own, axis),
    (part) => {
      const { links, strides: linksStrides } = makeLinks(op, part.indices, axis, part.length, ignored);
      const { shape, strides, ...merged } = mergeAround(
        op,
        part.values.shape,
        [part.values.strides, linksStrides, part.target.strides],
        axis,
      );
      const params = {
        ...twoVectors("shape", shape),
        ...twoVectors("sourceStrides", strides[0]),
        ...twoVectors("linksStrides", strides[1]),
        ...twoVectors("yStrides", strides[2]),
        count: part.values.size,
        rank: shape.length,
        axis: merged.axis,
        lineLength: part.values.shape[axis],
        begin: part.begin,
        window: part.target.shape[axis],
      };
      launch(op, variant, [part.values, links, part.target], params, gridOf(part.values.size));
      links.dispose();
    },
  );
  values.dispose();
  target.dispose();
}
