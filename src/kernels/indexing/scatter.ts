import scatterSource from "../../../shaders/indexing/scatter.wgsl";
import { defineKernel, listVariants } from "../../gpu/index.ts";
import { type DType, storageType, type Tensor } from "../../tensor/index.ts";
import { copy } from "../copy.ts";
import { castTo } from "../elementwise/elementwise.ts";
import { gridOf, launch } from "../launch.ts";
import { mergeAround, twoVectors } from "../strided.ts";
import { linksHalving, makeLinks, NONE } from "./links.ts";
import { forIndexedParts, named } from "./parts.ts";

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
});
listVariants(scatterKernel, () => [
  ...(["f32", "i32", "u32"] as const).map((dtype) => scatterSpecialization("add", dtype)),
  ...(["u32", "f16"] as const).map((dtype) => scatterSpecialization("replace", dtype)),
]);

function scatterSpecialization(name: ScatterName, dtype: DType): Record<string, string> {
  // A value that only replaces is copied as its bits.
  const type = dtype === "f16" ? "f16" : name === "replace" ? "u32" : storageType(dtype);
  return { T: type, combine: COMBINE[name], ...(type === "f16" ? { enable: "f16" } : {}) };
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
