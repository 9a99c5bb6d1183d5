import offsetsSource from "../../../shaders/indexing/offsets.wgsl";
import countSource from "../../../shaders/indexing/radix-count.wgsl";
import placeSource from "../../../shaders/indexing/radix-place.wgsl";
import { defineKernel } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { gridOf, launch, output } from "../launch.ts";

const TOTALS = { ONLY_TOTALS: "true" };

const offsetsKernel = defineKernel({
  name: "offsets",
  source: offsetsSource,
  bindings: { x: "read", before: "read", y: "read_write" },
  params: { count: "u32", chunks: "u32" },
  variants: () => [TOTALS],
});

const countKernel = defineKernel({
  name: "radix-count",
  source: countSource,
  bindings: { pairs: "read", counts: "read_write" },
  params: { count: "u32", chunks: "u32", shift: "u32" },
});

const placeKernel = defineKernel({
  name: "radix-place",
  source: placeSource,
  bindings: { pairs: "read", next: "read_write", placed: "read_write" },
  params: { count: "u32", chunks: "u32", shift: "u32" },
});

/** Elements an invocation walks: the shaders' CHUNK. */
const SUMMED_CHUNK = 256;
const SORTED_CHUNK = 128;
const DIGIT_BITS = 4;

/** The sum of what stands before each element of x [n], u32. */
function offsetsOf(op: string, x: Tensor): Tensor {
  const count = x.size;
  const chunks = Math.ceil(count / SUMMED_CHUNK);
  const y = output(op, x, [count]);
  if (chunks === 1) {
    launch(op, offsetsKernel.variant(), [x, x, y], { count, chunks }, gridOf(chunks));
    return y;
  }
  const totals = output(op, x, [chunks]);
  launch(op, offsetsKernel.variant(TOTALS), [x, x, totals], { count, chunks }, gridOf(chunks));
  const before = offsetsOf(op, totals);
  launch(op, offsetsKernel.variant(), [x, before, y], { count, chunks }, gridOf(chunks));
  totals.dispose();
  before.dispose();
  return y;
}

/**
 * Pairs of words [n, 2] in ascending order of their first words, whose highest set bit is below `bits`; pairs with equal
 * ones keep their order. A radix sort by digits of four bits, without atomics: n · bits / 4 steps. Frees what it is given.
 */
export function sortPairs(op: string, pairs: Tensor, bits: number): Tensor {
  const [count] = pairs.shape;
  const chunks = Math.ceil(count / SORTED_CHUNK);
  let current = pairs;
  for (let shift = 0; shift < bits; shift += DIGIT_BITS) {
    const params = { count, chunks, shift };
    const counts = output(op, current, [16 * chunks]);
    launch(op, countKernel.variant(), [current, counts], params, gridOf(chunks));
    const next = offsetsOf(op, counts);
    counts.dispose();
    const placed = output(op, current, [count, 2]);
    launch(op, placeKernel.variant(), [current, next, placed], params, gridOf(chunks));
    next.dispose();
    current.dispose();
    current = placed;
  }
  return current;
}
