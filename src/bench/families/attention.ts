import naive from "../../../shaders/bench/attention-naive.wgsl";
import online from "../../../shaders/bench/attention-online.wgsl";
import tiled from "../../../shaders/bench/attention-tiled.wgsl";
import { attentionSoftmax, matmul, scaledDotProductAttention, transpose } from "../../autograd/index.ts";
import { engineCandidates } from "../engine.ts";
import type { Family, Sizes } from "../family.ts";
import type { Candidate, Problem } from "../problem.ts";
import { bytesOf, floats } from "../values.ts";
import { cachedByRow } from "./rows.ts";

/** Widest head that fits into the registers and the workgroup memory of the shaders. */
const WIDEST = 128;

function problem({ H, T, D }: Sizes): Problem {
  const [q, k, v] = ["q", "k", "v"].map((name, i) => floats(name, [H, T, D], i + 1));
  // The shares of the keys that a query sees.
  const shares = cachedByRow((query) => {
    const first = Math.floor(query / T) * T;
    const scores = Array.from({ length: query - first + 1 }, (_, i) => {
      let sum = 0;
      for (let d = 0; d < D; d++) sum += q.values[query * D + d] * k.values[(first + i) * D + d];
      return sum / Math.sqrt(D);
    });
    const most = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - most));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  });
  return {
    inputs: [q, k, v],
    results: [
      {
        name: "y",
        shape: [H, T, D],
        tolerance: 1e-5,
        together: D,
        expected: (position) => {
          const [query, d] = [Math.floor(position / D), position % D];
          const first = Math.floor(query / T) * T;
          const value = shares(query).reduce((sum, share, i) => sum + share * v.values[(first + i) * D + d], 0);
          return { value, scale: 1 };
        },
      },
    ],
    // Two products of the pairs that see each other.
    operations: 2 * H * T * (T + 1) * D,
    bytes: bytesOf([H, T, D], [H, T, D], [H, T, D], [H, T, D]),
  };
}

const engine = ({ D }: Sizes): Candidate[] => [
  {
    name: "products",
    adds: "The engine's matrix products around its softmax: fast kernels, with all scores in memory between them.",
    prepare:
      ({ q, k, v }) =>
      () => {
        const scores = matmul(q, transpose(k), 1 / Math.sqrt(D));
        return [matmul(attentionSoftmax(scores, { reach: 1 }), v)];
      },
  },
  ...engineCandidates("attention", {
    name: "engine",
    adds: "The engine's own attention as a model calls it, chosen for this adapter.",
    prepare:
      ({ q, k, v }) =>
      () => [scaledDotProductAttention(q, k, v, { causal: true })],
  }),
];

export const attention: Family = {
  name: "attention",
  computes: "y = softmax(q kᵀ / √D) v for q, k and v [H, T, D], query t seeing keys 0 to t",
  dimensions: ["H", "T", "D"],
  sizeForms: `HxTxD, D at most ${WIDEST}`,
  defaultSize: { software: "12x128x64", hardware: "48x1024x64" },
  tinySize: "3x37x13",
  expand: (numbers) => (numbers.length === 3 && numbers[2] <= WIDEST ? numbers : undefined),
  shapes: ({ H, T, D }) => ({ q: [H, T, D], k: [H, T, D], v: [H, T, D], y: [H, T, D] }),
  problem,
  contract: ({ H, T, D }) => ({
    reads: ["q", "k", "v"],
    writes: ["y"],
    params: { H: "u32", T: "u32", D: "u32" },
    values: { H, T, D },
  }),
  rungs: [
    { name: "naive", adds: "One invocation takes one query and computes its scores three times.", wgsl: naive },
    {
      name: "online",
      adds: "One pass over the keys, maximum, sum and weighted values rescaled in registers: scores are computed once.",
      wgsl: online,
    },
    {
      name: "tiled",
      adds: "32 queries share a workgroup: 16 keys and values at a time pass through its memory and are read once for all.",
      wgsl: tiled,
    },
  ],
  engine,
};
