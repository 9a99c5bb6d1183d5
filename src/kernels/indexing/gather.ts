import gatherSource from "../../../shaders/indexing/gather.wgsl";
import { defineKernel, listVariants } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { gridOf, launch, output } from "../launch.ts";
import { mergeAround, twoVectors } from "../strided.ts";
import { isSigned } from "./links.ts";
import { forIndexedParts, named } from "./parts.ts";

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
});
listVariants(gatherKernel, () => [HALF]);

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
