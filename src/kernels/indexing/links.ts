import linksSource from "../../../shaders/indexing/index-links.wgsl";
import { defineKernel } from "../../gpu/index.ts";
import { contiguousStrides, sizeOf, type Tensor } from "../../tensor/index.ts";
import { gridOf, launch, output } from "../launch.ts";
import { mergeAround, twoVectors } from "../strided.ts";
import { isSorted, LONGEST_LINE, sortLinks } from "./sorted-links.ts";

const linksKernel = defineKernel({
  name: "index-links",
  source: linksSource,
  bindings: { indices: "read", links: "read_write" },
  params: {
    shape0: "vec4<u32>",
    shape1: "vec4<u32>",
    indicesStrides0: "vec4<u32>",
    indicesStrides1: "vec4<u32>",
    count: "u32",
    rank: "u32",
    axis: "u32",
    lineLength: "u32",
    isSigned: "u32",
    length: "u32",
    ignored: "u32",
    indicesOffset: "u32",
  },
});

/** No place: an axis is shorter than this. */
export const NONE = 0xffffffff;

export const isSigned = (indices: Tensor): number => (indices.dtype === "i32" ? 1 : 0);

/** Shape of the indices with the axes along which they repeat (stride 0) cut to 1: those lines share their links. */
const ownShape = (indices: Tensor, axis: number): number[] =>
  indices.shape.map((length, i) => (i !== axis && indices.strides[i] === 0 ? 1 : length));

/** The axis along which indices must be halved, so that their links, of eight bytes, can be bound and walked. */
export function linksHalving(indices: Tensor, axis: number): number | undefined {
  if (indices.shape[axis] > LONGEST_LINE) return axis;
  const own = ownShape(indices, axis);
  const fits = 8 * sizeOf(own) <= indices.gpu.limits.maxStorageBufferBindingSize;
  return fits ? undefined : own.indexOf(Math.max(...own));
}

/**
 * Chains of equal indices of each line along `axis`, in ascending order: for each index the place it names when it is the
 * first of its chain, and the next of it. Strides are in pairs, over the shape of the indices. Short lines compare each
 * index with all others; long ones are sorted, so that the cost stays linear. Both give the same chains.
 *
 * @param length of the axis the indices count in.
 * @param ignored a place whose chain is left out.
 */
export function makeLinks(
  op: string,
  indices: Tensor,
  axis: number,
  length: number,
  ignored: number,
): { links: Tensor; strides: number[] } {
  const own = ownShape(indices, axis);
  const count = sizeOf(own);
  const lineLength = own[axis];
  const links = output(op, indices, [count, 2], "u32");
  const packed = contiguousStrides(own);
  const { shape, strides, ...merged } = mergeAround(op, own, [indices.strides, packed], axis);
  const params = {
    ...twoVectors("shape", shape),
    ...twoVectors("indicesStrides", strides[0]),
    count,
    rank: shape.length,
    axis: merged.axis,
    lineLength,
    isSigned: isSigned(indices),
    length,
    ignored,
  };
  if (isSorted(count, lineLength)) sortLinks(op, indices, links, params, packed[axis]);
  else launch(op, linksKernel.variant(), [indices, links], params, gridOf(count));
  return { links, strides: packed.map((stride, i) => (own[i] === indices.shape[i] ? stride : 0)) };
}
