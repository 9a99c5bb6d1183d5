import epilogueSource from "../../../shaders/matmul/matmul-epilogue.wgsl";
import matmulPartsSource from "../../../shaders/matmul/matmul-parts.wgsl";
import { defineKernel, listVariants } from "../../gpu/index.ts";
import { sizeOf, sliceView, type Tensor } from "../../tensor/index.ts";
import { contiguous } from "../copy.ts";
import { launch } from "../launch.ts";
import { mergeAxes } from "../strided.ts";
import { ACTIVATED, ACTIVATION_NAMES, type Activation } from "./problem.ts";

/**
 * Terms of a sum that have one accumulator, where there are more than twice as many. Shorter ones make more
 * partial sums to store and add, which takes lavapipe some hundredths of the time.
 */
export const INNER_CHUNK = 4096;
/** Most bytes of partial products at a time. */
const PARTS_BYTES = 1 << 24;
const MAX_WORKGROUPS = 65_535;

/** Whether products of so many terms an element are summed in chunks: decided by k alone, as bits depend on it. */
export const isSummedInChunks = (k: number): boolean => k > 2 * INNER_CHUNK;

/** The chunks [begin, end) of k in order: all of one length but the last, which is no longer. */
export function innerChunks(k: number): [begin: number, end: number][] {
  const chunks: [number, number][] = [];
  for (let begin = 0; begin < k; begin += INNER_CHUNK) chunks.push([begin, Math.min(begin + INNER_CHUNK, k)]);
  return chunks;
}

/** How a product in chunks is made; every way gives the same bits. */
export type ChunkedWay = "passes" | "in turn" | "halves";

/**
 * All chunks side by side and then a pass that adds them, where partial products are small: so there is work for many
 * workgroups however small C is. Else one chunk after another, each added to C, which then has enough elements to fill
 * the device; but only without a factor, as a GPU may fuse that with the sum. Else C is halved.
 */
export function chooseChunkedWay(k: number, elements: number, scale: number, bindingLimit: number): ChunkedWay {
  const bytes = 4 * elements * innerChunks(k).length;
  if (bytes <= Math.min(PARTS_BYTES, bindingLimit) || elements === 1) return "passes";
  return scale === 1 ? "in turn" : "halves";
}

const partsKernel = defineKernel({
  name: "matmul-parts",
  source: matmulPartsSource,
  parts: [epilogueSource],
  bindings: { parts: "read", bias: "read", residual: "read", c: "read_write" },
  params: {
    batches: "u32",
    M: "u32",
    N: "u32",
    chunks: "u32",
    partStride: "u32",
    partsOffset: "u32",
    cOffset: "u32",
    biasOffset: "u32",
    residualOffset: "u32",
    partRow: "u32",
    cRow: "u32",
    residualRow: "u32",
    batch1: "u32",
    partBatch0: "u32",
    partBatch1: "u32",
    cBatch0: "u32",
    cBatch1: "u32",
    residualBatch0: "u32",
    residualBatch1: "u32",
    hasBias: "u32",
    hasResidual: "u32",
    accumulate: "u32",
    activation: "u32",
    keepDistance: "u32",
  },
});
listVariants(partsKernel, () => [{}, ACTIVATED]);

/** What follows the sum, as in `MatmulOptions`. */
interface PartsOptions {
  bias?: Tensor;
  accumulate?: boolean;
  activation?: Activation;
  residual?: Tensor;
  keepDistance?: number;
}

/** c = activation(Σ parts (+ bias) (+ c)) (+ residual), for parts [chunks, ..., M, N] in ascending order, c [..., M, N]. */
export function addParts(op: string, parts: Tensor, c: Tensor, options: PartsOptions): void {
  const { residual, accumulate = false, activation, keepDistance = 0 } = options;
  const batch = c.shape.slice(0, -2);
  const operands = [parts.strides.slice(1), c.strides, (residual ?? c).strides].map((strides) => strides.slice(0, -2));
  const merged = mergeAxes(op, batch, operands);
  if (merged.shape.length > 2) {
    const shortest = batch.indexOf(Math.min(...batch.filter((length) => length > 1)));
    for (let i = 0; i < batch[shortest]; i++) {
      const part = (x: Tensor, axis = shortest): Tensor => sliceView(x, axis, i, i + 1);
      addParts(op, part(parts, shortest + 1), part(c), { ...options, residual: residual && part(residual) });
    }
    return;
  }
  const count = sizeOf(batch);
  const batch1 = merged.shape.at(-1) ?? 1;
  const stepsOf = (index: number): [number, number] => {
    const own = merged.strides[index];
    return [own.length === 2 ? own[0] : 0, own.at(-1) ?? 0];
  };
  const [[partBatch0, partBatch1], [cBatch0, cBatch1], [residualBatch0, residualBatch1]] = [0, 1, 2].map(stepsOf);
  const bias = options.bias && contiguous(options.bias);
  const [M, N] = c.shape.slice(-2);
  launch(
    op,
    partsKernel.variant(activation ? ACTIVATED : {}),
    [parts, bias ?? parts, residual ?? parts, c],
    {
      batches: count,
      M,
      N,
      chunks: parts.shape[0],
      partStride: parts.strides[0],
      partRow: parts.strides[parts.rank - 2],
      cRow: c.strides[c.rank - 2],
      residualRow: residual ? residual.strides[residual.rank - 2] : 0,
      batch1,
      partBatch0,
      partBatch1,
      cBatch0,
      cBatch1,
      residualBatch0,
      residualBatch1,
      hasBias: bias ? 1 : 0,
      hasResidual: residual ? 1 : 0,
      accumulate: accumulate ? 1 : 0,
      activation: activation ? ACTIVATION_NAMES.indexOf(activation) : 0,
      keepDistance,
    },
    [Math.ceil(N / 16), Math.ceil(M / 16), count].map((n) => Math.min(n, MAX_WORKGROUPS)) as [number, number, number],
  );
}
