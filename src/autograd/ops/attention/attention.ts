import { formatShape, isFloat, requireTensors, type Shape, type Tensor, tidy } from "../../../tensor/index.ts";
import { cast, logicalAnd } from "../elementwise/index.ts";
import { reshape } from "../shape/views.ts";
import { attentionOp } from "./attention-op.ts";
import { checkShapes, NAME, scoresShape } from "./heads.ts";
import { plainAttention } from "./plain.ts";

/** What attention sees of its keys, and how scores are scaled and dropped. */
export interface AttentionOptions {
  /**
   * Each query sees only the keys up to its own. Of Q queries and K keys, query i sees keys 0 … i (`true`, as in
   * PyTorch) or 0 … K − Q + i (`"lower-right"`: the queries are the last of the keys, as with a cache).
   */
  causal?: boolean | "lower-right";
  /** Keys that may be seen by all queries of an example, [batch, K] of an integer type or bool: 0 hides. */
  keyMask?: Tensor;
  /** Which keys each query may see, of an integer type or bool, broadcastable to the scores [..., heads, Q, K]. */
  mask?: Tensor;
  /** Added to the scaled scores, broadcastable to them; it may have a gradient. −∞ hides. */
  bias?: Tensor;
  /** Factor of the scores; 1 / √(head width) by default. */
  scale?: number;
  /**
   * Applied to the attention probabilities [..., heads, Q, K] (dropout), which are then held as a whole, as they
   * otherwise never are. They are freed, unless it holds them by `keep`.
   */
  onProbabilities?: (probabilities: Tensor) => Tensor;
}

/**
 * softmax(scale · Q Kᵀ + bias) V (arXiv:1706.03762) for queries [..., heads, Q, width], keys [..., heads, K, width] and
 * values [..., heads, K, value width], with any number of batch axes; result [..., heads, Q, value width]. Keys and
 * values may have fewer heads, each shared by a group of adjacent query heads (arXiv:2305.13245). Strided views,
 * masks and bias are read in place: the heads of a joint projection need no copies, nor does a broadcast mask.
 *
 * A query that sees no key gives 0 and gets no gradient, also when the bias is −∞ throughout, where PyTorch gives NaN.
 *
 * @throws when the shapes do not fit each other.
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): Tensor {
  requireTensors(NAME, [query, key, value]);
  const { causal = false, scale = 1 / Math.sqrt(query.shape[query.rank - 1]), onProbabilities } = options;
  checkShapes(query, key, value);
  const [queries, keys] = [query.shape[query.rank - 2], key.shape[key.rank - 2]];
  if (causal === "lower-right" && queries > keys) {
    throw new Error(`${NAME}: ${queries} queries cannot be the last of ${keys} keys`);
  }
  const reach = causal === "lower-right" ? keys - queries + 1 : causal ? 1 : undefined;

  return tidy(() => {
    const mask = joinMasks(query, key, value, options);
    const inputs = [query, key, value, ...(mask ? [mask] : []), ...(options.bias ? [options.bias] : [])];
    if (!onProbabilities) return attentionOp(inputs, { scale, reach });
    const { probabilities, weigh } = plainAttention(inputs, { scale, reach });
    return weigh(onProbabilities(probabilities));
  });
}

function requireBroadcastable(name: string, x: Tensor, scores: Shape): void {
  requireTensors(NAME, [x]);
  const behind = scores.slice(scores.length - x.rank);
  if (x.rank > scores.length || x.shape.some((length, axis) => length !== 1 && length !== behind[axis])) {
    throw new Error(`${NAME}: ${name} ${formatShape(x.shape)} does not broadcast to the scores ${formatShape(scores)}`);
  }
}

/** One mask of both, broadcastable to the scores. */
function joinMasks(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions): Tensor | undefined {
  const { keyMask, mask, bias } = options;
  if (bias && bias.dtype !== "f32") {
    throw new Error(`${NAME}: bias is ${bias.dtype}, expected f32; pass what hides keys as mask`);
  }
  for (const [name, x] of Object.entries({ keyMask, mask })) {
    if (x && isFloat(x.dtype)) {
      throw new Error(`${NAME}: ${name} is ${x.dtype}, expected an integer type or bool; pass what is added as bias`);
    }
  }
  const scores = scoresShape(query, key, value);
  for (const [name, x] of Object.entries({ mask, bias })) if (x) requireBroadcastable(name, x, scores);
  if (!keyMask) return mask;
  const [batch, keys] = [scores[0], scores[scores.length - 1]];
  if (scores.length < 3 || keyMask.rank !== 2 || keyMask.shape[0] !== batch || keyMask.shape[1] !== keys) {
    throw new Error(
      `${NAME}: a keyMask of shape ${formatShape(keyMask.shape)} does not fit scores ${formatShape(scores)}, expected [batch, K]`,
    );
  }
  const between = new Array<number>(scores.length - 2).fill(1);
  const ofKeys = reshape(keyMask, [batch, ...between, keys]);
  if (!mask) return ofKeys;
  const truth = (x: Tensor): Tensor => (x.dtype === "bool" ? x : cast(x, "bool"));
  return logicalAnd(truth(ofKeys), truth(mask));
}
