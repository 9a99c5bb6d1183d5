import countSource from "../../../shaders/indexing/radix-count.wgsl";
import placeSource from "../../../shaders/indexing/radix-place.wgsl";
import { defineKernel } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { gridOf, launch, output } from "../launch.ts";
import { scan } from "../reduction/scan.ts";

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

/** Pairs an invocation walks: the shaders' CHUNK. */
const CHUNK = 128;
const DIGIT_BITS = 4;

/**
 * Pairs of words [n, 2] in ascending order of their first words, whose highest set bit is below `bits`; pairs with equal
 * ones keep their order. A radix sort by digits of four bits, without atomics: n · bits / 4 steps. Frees what it is given.
 */
export function sortPairs(op: string, pairs: Tensor, bits: number): Tensor {
  const [count] = pairs.shape;
  const chunks = Math.ceil(count / CHUNK);
  let current = pairs;
  for (let shift = 0; shift < bits; shift += DIGIT_BITS) {
    const params = { count, chunks, shift };
    const counts = output(op, current, [16 * chunks]);
    launch(op, countKernel.variant(), [current, counts], params, gridOf(chunks));
    const next = scan(op, counts, 0, "sum", { exclusive: true });
    counts.dispose();
    const placed = output(op, current, [count, 2]);
    launch(op, placeKernel.variant(), [current, next, placed], params, gridOf(chunks));
    next.dispose();
    current.dispose();
    current = placed;
  }
  return current;
}
