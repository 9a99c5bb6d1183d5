import keysSource from "../../../shaders/indexing/index-keys.wgsl";
import sortedSource from "../../../shaders/indexing/sorted-links.wgsl";
import { defineKernel, type ParamValues } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { gridOf, launch, output } from "../launch.ts";
import { sortPairs } from "./radix-sort.ts";

// How equal indices of long lines are found. The file of the core for a CDN is built without this module: there long lines
// are cut into short ones, with the same chains, see scripts/build/library.mjs.

const keysKernel = defineKernel({
  name: "index-keys",
  source: keysSource,
  bindings: { indices: "read", pairs: "read_write" },
  params: {
    shape0: "vec4<u32>",
    shape1: "vec4<u32>",
    indicesStrides0: "vec4<u32>",
    indicesStrides1: "vec4<u32>",
    count: "u32",
    rank: "u32",
    axis: "u32",
    isSigned: "u32",
    length: "u32",
    indicesOffset: "u32",
  },
});

const sortedKernel = defineKernel({
  name: "sorted-links",
  source: sortedSource,
  bindings: { pairs: "read", links: "read_write" },
  params: { count: "u32", lineLength: "u32", lineStride: "u32", length: "u32", ignored: "u32" },
});

/** Above so many comparisons, and in lines longer than the second, indices are sorted to find equal ones. */
const MOST_COMPARISONS = 2 ** 20;
const SHORT_LINE = 128;

/** One invocation walks a chain, which is a line at most: longer ones are cut, lest a GPU's driver lose patience. */
export const LONGEST_LINE = 2 ** 18;

/** Whether equal indices of `count` in all, in lines of one length, are found by sorting rather than by comparison. */
export const isSorted = (count: number, lineLength: number): boolean =>
  lineLength > SHORT_LINE && count * lineLength > MOST_COMPARISONS;

/** Fills in the links of indices, whose parameters are those of the comparison, by sorting them. */
export function sortLinks(
  op: string,
  indices: Tensor,
  links: Tensor,
  params: ParamValues & { readonly count: number; readonly lineLength: number; readonly length: number },
  lineStride: number,
): void {
  const { count, lineLength, length } = params;
  const pairs = output(op, indices, [count, 2], "u32");
  launch(op, keysKernel.variant(), [indices, pairs], params, gridOf(count));
  const highest = (count / lineLength) * length - 1;
  const sorted = sortPairs(op, pairs, 32 - Math.clz32(highest));
  launch(op, sortedKernel.variant(), [sorted, links], { ...params, lineStride }, gridOf(count));
  sorted.dispose();
}
