import { describe, expect, it } from "vitest";
import {
  binaryCrossEntropyWithLogits,
  conv1d,
  cosineSimilarity,
  crossEntropy,
  einsum,
  greater,
  huberLoss,
  klDivergence,
  linear,
  logicalAnd,
  maxPool1d,
  normal,
  outer,
  scaledDotProductAttention,
  smoothL1Loss,
  softmax,
} from "../../src/autograd/index.ts";
import { type Tensor, tensor } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

describe("ops made of others, called outside of tidy", () => {
  // biome-ignore format: a case a line
  const cases: [name: string, shapes: number[][], run: (...inputs: Tensor[]) => Tensor][] = [
    ["outer", [[3], [4]], outer],
    ["einsum of two", [[2, 3, 4], [5, 4]], (a, b) => einsum("abc,dc->abd", a, b)],
    ["einsum of three", [[2, 3], [3, 4], [4, 4]], (a, b, c) => einsum("ij,jk,kk->ik", a, b, c)],
    ["linear and gelu", [[2, 3], [3, 4], [4]], (x, w, b) => linear(x, w, b, { activation: "gelu" })],
    ["conv1d", [[2, 3, 7], [4, 3, 3]], (x, w) => conv1d(x, w)],
    ["maxPool1d", [[2, 3, 6]], (x) => maxPool1d(x, 2)],
    ["attention", [[1, 4, 3, 4], [1, 2, 3, 4]], (q, k) => scaledDotProductAttention(q, k, k, { causal: true })],
    ["crossEntropy of probabilities", [[3, 5], [3, 5]], (x, t) => crossEntropy(x, t, { labelSmoothing: 0.1 })],
    ["smoothL1Loss", [[3], [3]], (x, t) => smoothL1Loss(x, t, { beta: 2 })],
    ["huberLoss", [[3], [3]], (x, t) => huberLoss(x, t)],
    ["klDivergence", [[3, 2], [3, 2]], (x, t) => klDivergence(x, t, { reduction: "batchmean" })],
    ["binaryCrossEntropyWithLogits", [[3, 2], [3, 2], [2]], (x, t, weight) => binaryCrossEntropyWithLogits(x, t, { weight })],
    ["cosineSimilarity", [[3, 2], [3, 2]], (a, b) => cosineSimilarity(a, b)],
    ["softmax of a scalar", [[]], (x) => softmax(x)],
  ];

  it.each(cases)("%s leaves nothing behind", (_name, shapes, run) => {
    const { liveBuffers } = gpu().statistics;
    for (const requiresGrad of [false, true]) {
      const inputs = shapes.map((shape, seed) => normal(shape, { seed }));
      for (const x of inputs) x.requiresGrad = requiresGrad;
      run(...inputs).dispose();
      for (const x of inputs) x.dispose();
      // What a recorded graph saved goes with the result.
      expect(gpu().statistics.liveBuffers).toBe(liveBuffers);
    }
  });

  it("logic of different types, and attention with masks, leave nothing behind", () => {
    const { liveBuffers } = gpu().statistics;
    const x = normal([1, 1, 3, 3], { seed: 1 });
    const mask = greater(x, 0);
    const keyMask = tensor(Int32Array.of(1, 1, 0), [1, 3]);
    logicalAnd(mask, x).dispose();
    scaledDotProductAttention(x, x, x, { mask, keyMask }).dispose();
    for (const one of [x, mask, keyMask]) one.dispose();
    expect(gpu().statistics.liveBuffers).toBe(liveBuffers);
  });
});
