import { formatShape, type Tensor } from "../../tensor/index.ts";
import { matmul } from "./matmul.ts";
import { transpose } from "./shape.ts";
import { attentionSoftmax } from "./softmax.ts";

export interface AttentionOptions {
  /** Query i, of Q, sees keys up to K − Q + i. */
  causal?: boolean;
  /** Keys that may be seen, [batch, K]: 0 hides. */
  mask?: Tensor;
  /** Factor of the scores; 1 / √(head width) by default. */
  scale?: number;
  /** Applied to the attention probabilities (dropout). */
  onProbabilities?: (probabilities: Tensor) => Tensor;
}

/**
 * softmax(scale · Q Kᵀ) V for heads [batch, heads, length, width] (arXiv:1706.03762). Strided views are read in place:
 * the heads of a joint projection need no copies.
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): Tensor {
  for (const x of [query, key, value]) {
    if (x.rank !== 4) throw new Error(`attention: expected [batch, heads, length, width], got ${formatShape(x.shape)}`);
  }
  const { causal = false, mask, scale = 1 / Math.sqrt(query.shape[3]), onProbabilities } = options;
  const scores = matmul(query, transpose(key), scale);
  const probabilities = attentionSoftmax(scores, { causal, mask });
  return matmul(onProbabilities ? onProbabilities(probabilities) : probabilities, value);
}
