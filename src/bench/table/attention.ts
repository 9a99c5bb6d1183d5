import { scaledDotProductAttention } from "../../autograd/index.ts";
import { cachedByRow } from "../families/rows.ts";
import type { Problem } from "../problem.ts";
import { bytesOf, floats } from "../values.ts";
import { type OpRow, opRows } from "./op-row.ts";

/** Causal attention of q, k and v [H, T, D], with the gradients of all three when `isBackward`. */
function problem(H: number, T: number, D: number, isBackward: boolean): Problem {
  const inputs = ["q", "k", "v", ...(isBackward ? ["g"] : [])].map((name, i) => floats(name, [H, T, D], i + 1));
  const [q, k, v, g] = inputs.map(({ values }) => values);
  const dot = (a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number): number => {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += a[i * D + d] * b[j * D + d];
    return sum;
  };
  // A query's shares of the keys it sees, and with `g` the gradients of its scores. Rows count through all heads.
  const shares = cachedByRow((query) => {
    const first = Math.floor(query / T) * T;
    const scores = Array.from({ length: query - first + 1 }, (_, i) => dot(q, query, k, first + i) / Math.sqrt(D));
    const most = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - most));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  });
  const scoreGradients = cachedByRow((query) => {
    const first = Math.floor(query / T) * T;
    const along = shares(query).map((_, i) => dot(g, query, v, first + i));
    const mean = shares(query).reduce((sum, share, i) => sum + share * along[i], 0);
    return shares(query).map((share, i) => (share * (along[i] - mean)) / Math.sqrt(D));
  });
  const overKeys = (weights: (query: number) => number[], x: ArrayLike<number>) => (position: number) => {
    const [query, d] = [Math.floor(position / D), position % D];
    const first = Math.floor(query / T) * T;
    return { value: weights(query).reduce((sum, weight, i) => sum + weight * x[(first + i) * D + d], 0), scale: 1 };
  };
  const overQueries = (weights: (query: number) => number[], x: ArrayLike<number>) => (position: number) => {
    const [key, d] = [Math.floor(position / D), position % D];
    const first = Math.floor(key / T) * T;
    let [value, scale] = [0, 1];
    for (let query = key; query < first + T; query++) {
      const term = weights(query)[key - first] * x[query * D + d];
      value += term;
      scale += Math.abs(term);
    }
    return { value, scale };
  };
  const result = (name: string, expected: Problem["results"][number]["expected"]) => ({
    ...{ name, shape: [H, T, D], tolerance: 1e-5, together: D, expected },
  });
  const pairs = (H * T * (T + 1)) / 2;
  return {
    inputs,
    results: isBackward
      ? [
          result("q's gradient", overKeys(scoreGradients, k)),
          result("k's gradient", overQueries(scoreGradients, q)),
          result("v's gradient", overQueries(shares, g)),
        ]
      : [result("y", overKeys(shares, v))],
    // Products of the pairs that see each other: two, or four besides the scores that are made anew.
    operations: 2 * pairs * D * (isBackward ? 5 : 2),
    bytes: bytesOf(...Array.from({ length: isBackward ? 8 : 4 }, () => [H, T, D])),
  };
}

/** Causal attention, forward and backward. */
export const attentionRows = (H: number, T: number, D: number): OpRow[] =>
  opRows(
    `attention-${H}x${T}x${D}`,
    `causal attention of ${H} heads, ${T} positions, width ${D}`,
    ["q", "k", "v"],
    (q, k, v) => scaledDotProductAttention(q, k, v, { causal: true }),
    { forward: () => problem(H, T, D, false), backward: () => problem(H, T, D, true) },
  );
