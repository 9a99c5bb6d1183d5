import { exponential } from "../../tensor/portable-math.ts";

/** Which tokens are drawn from, and how boldly. */
export interface SamplingOptions {
  /** Logits are divided by it; default 1. */
  temperature?: number;
  /** Keep the k most probable tokens. */
  topK?: number;
  /** Then keep the smallest set of tokens whose probabilities reach p. */
  topP?: number;
}

/**
 * Probabilities of the next token after temperature, then top-k, then top-p, in that order; removed tokens have
 * probability exactly 0. Computed in double precision.
 *
 * @throws RangeError naming an option out of range.
 */
export function nextTokenProbabilities(logits: ArrayLike<number>, options: SamplingOptions = {}): Float64Array {
  const { temperature = 1, topK, topP } = options;
  if (!(temperature > 0))
    throw new RangeError(`temperature must be above 0, got ${temperature}; use greedy decoding for 0`);
  if (topK !== undefined && !(Number.isInteger(topK) && topK > 0))
    throw new RangeError(`top-k must be a positive integer, got ${topK}`);
  if (topP !== undefined && !(topP > 0 && topP <= 1))
    throw new RangeError(`top-p must lie above 0 and up to 1, got ${topP}`);
  const scaled = Float64Array.from(logits, (logit) => logit / temperature);
  const kept = new Uint8Array(scaled.length).fill(1);
  if (topK !== undefined && topK < scaled.length) {
    // Ties with the k-th logit stay, as in transformers.
    const threshold = Float64Array.from(scaled).sort()[scaled.length - topK];
    for (let i = 0; i < scaled.length; i++) if (scaled[i] < threshold) kept[i] = 0;
  }
  let probabilities = softmaxOf(scaled, kept);
  if (topP !== undefined && topP < 1) {
    const order = Array.from(scaled.keys()).sort((a, b) => probabilities[b] - probabilities[a] || a - b);
    let total = 0;
    for (const index of order) {
      // A token stays while those before it have not reached p yet; the most probable one always does.
      if (total >= topP) kept[index] = 0;
      total += probabilities[index];
    }
    probabilities = softmaxOf(scaled, kept);
  }
  return probabilities;
}

function softmaxOf(logits: Float64Array, kept: Uint8Array): Float64Array {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (kept[i] && logits[i] > largest) largest = logits[i];
  const result = logits.map((logit, i) => (kept[i] ? exponential(logit - largest) : 0));
  const total = result.reduce((sum, value) => sum + value, 0);
  return result.map((value) => value / total);
}

/** The token with the largest logit; the first of equals. */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  return best;
}

/** The token at which the cumulated probability passes `u` in [0, 1). */
export function sampleToken(probabilities: Float64Array, u: number): number {
  let total = 0;
  let last = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (probabilities[i] === 0) continue;
    total += probabilities[i];
    last = i;
    if (u < total) return i;
  }
  return last; // rounding left the sum just below 1
}
