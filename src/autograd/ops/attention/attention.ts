import { formatShape, isFloat, requireTensors, type Tensor, tidy } from "../../../tensor/index.ts";
import { cast, logicalAnd } from "../elementwise/index.ts";
import { matmul } from "../linear-algebra/matmul.ts";
import { attentionSoftmax } from "../normalization/softmax.ts";
import { reshape, transpose } from "../shape/views.ts";

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
  /** Applied to the attention probabilities [..., heads, Q, K] (dropout). They are freed, unless it holds them by `keep`. */
  onProbabilities?: (probabilities: Tensor) => Tensor;
}

const NAME = "scaledDotProductAttention";

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
  const groups = checkShapes(query, key, value);
  const [queries, keys] = [query.shape[query.rank - 2], key.shape[key.rank - 2]];
  if (causal === "lower-right" && queries > keys) {
    throw new Error(`${NAME}: ${queries} queries cannot be the last of ${keys} keys`);
  }
  const reach = causal === "lower-right" ? keys - queries + 1 : causal ? 1 : undefined;

  // Query heads of a group are an axis of their own, along which keys and values repeat.
  const grouped = (x: Tensor): Tensor => {
    if (groups === 1) return x;
    const heads = x.shape[x.rank - 3] / groups;
    return reshape(x, [...x.shape.slice(0, -3), heads, groups, ...x.shape.slice(-2)]);
  };
  const shared = (x: Tensor): Tensor =>
    groups === 1 ? x : reshape(x, [...x.shape.slice(0, -2), 1, ...x.shape.slice(-2)]);
  const ungrouped = (x: Tensor): Tensor => {
    if (groups === 1) return x;
    return reshape(x, [...x.shape.slice(0, -4), x.shape[x.rank - 4] * groups, ...x.shape.slice(-2)]);
  };
  return tidy(() => {
    const scores = ungrouped(matmul(grouped(query), transpose(shared(key)), scale));
    const mask = joinMasks(scores, options);
    const probabilities = attentionSoftmax(scores, { reach, mask, bias: options.bias });
    const seen = onProbabilities ? onProbabilities(probabilities) : probabilities;
    return ungrouped(matmul(grouped(seen), shared(value)));
  });
}

/** Checks what the products would not, and tells how many query heads share one of the keys. */
function checkShapes(query: Tensor, key: Tensor, value: Tensor): number {
  const shapes = [query, key, value].map(({ shape }) => formatShape(shape)).join(", ");
  const fail = (expected: string): never => {
    throw new Error(`${NAME}: expected ${expected}, got query, key and value ${shapes}`);
  };
  if ([query, key, value].some((x) => x.rank < 2)) fail("[..., heads, length, width]");
  if (query.shape[query.rank - 1] !== key.shape[key.rank - 1]) fail("queries and keys of one width");
  if (key.shape[key.rank - 2] !== value.shape[value.rank - 2]) fail("as many keys as values");
  const [heads, keyHeads, valueHeads] = [query, key, value].map((x) => x.shape[x.rank - 3] ?? 1);
  if (keyHeads <= 1 || heads === keyHeads) return 1; // one head broadcasts
  if (heads === 1) return 1;
  if (heads % keyHeads !== 0 || keyHeads !== valueHeads) fail("heads of keys and values that divide those of queries");
  return heads / keyHeads;
}

function requireBroadcastable(name: string, x: Tensor, scores: Tensor): void {
  requireTensors(NAME, [scores, x]);
  const behind = scores.shape.slice(scores.rank - x.rank);
  if (x.rank > scores.rank || x.shape.some((length, axis) => length !== 1 && length !== behind[axis])) {
    throw new Error(
      `${NAME}: ${name} ${formatShape(x.shape)} does not broadcast to the scores ${formatShape(scores.shape)}`,
    );
  }
}

/** One mask of both, broadcastable to the scores. */
function joinMasks(scores: Tensor, { keyMask, mask, bias }: AttentionOptions): Tensor | undefined {
  if (bias && bias.dtype !== "f32") {
    throw new Error(`${NAME}: bias is ${bias.dtype}, expected f32; pass what hides keys as mask`);
  }
  for (const [name, x] of Object.entries({ keyMask, mask })) {
    if (x && isFloat(x.dtype)) {
      throw new Error(`${NAME}: ${name} is ${x.dtype}, expected an integer type or bool; pass what is added as bias`);
    }
  }
  for (const [name, x] of Object.entries({ mask, bias })) if (x) requireBroadcastable(name, x, scores);
  if (!keyMask) return mask;
  const [batch, keys] = [scores.shape[0], scores.shape[scores.rank - 1]];
  if (scores.rank < 3 || keyMask.rank !== 2 || keyMask.shape[0] !== batch || keyMask.shape[1] !== keys) {
    throw new Error(
      `${NAME}: a keyMask of shape ${formatShape(keyMask.shape)} does not fit scores ${formatShape(scores.shape)}, expected [batch, K]`,
    );
  }
  const between = new Array<number>(scores.rank - 2).fill(1);
  const ofKeys = reshape(keyMask, [batch, ...between, keys]);
  if (!mask) return ofKeys;
  const truth = (x: Tensor): Tensor => (x.dtype === "bool" ? x : cast(x, "bool"));
  return logicalAnd(truth(ofKeys), truth(mask));
}
