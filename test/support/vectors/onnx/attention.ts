import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import { hostTensor } from "../compose.ts";
import type { Node, OperatorTable } from "../node.ts";

/** [batch, length, heads · size] as [batch, heads, length, size]. */
const intoHeads = (x: Tensor, heads: number): Tensor => {
  const [batch, length, width] = x.shape;
  return api.permute(api.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
};

const outOfHeads = (x: Tensor): Tensor => {
  const [batch, heads, length, size] = x.shape;
  return api.reshape(api.permute(x, [0, 2, 1, 3]), [batch, length, heads * size]);
};

/** Each head of the keys serves several of the queries. */
function repeatHeads(x: Tensor, times: number): Tensor {
  if (times === 1) return x;
  const [batch, heads, length, size] = x.shape;
  const repeated = api.expand(api.unsqueeze(x, 2), [batch, heads, times, length, size]);
  return api.reshape(repeated, [batch, heads * times, length, size]);
}

/** Additive masks [1 or batch, 1, queries, keys] of what a node forbids by position. */
function positionBias(node: Node, batch: number, queries: number, keys: number, past: number): Tensor | undefined {
  const isCausal = node.flag("is_causal", false);
  const lengths = node.host(6);
  if (!isCausal && !lengths) return undefined;
  const rows = lengths ? batch : 1;
  const values = new Array<number>(rows * queries * keys).fill(0);
  for (let b = 0; b < rows; b++) {
    // Queries follow the keys of the cache.
    const offset = node.hasInput(4) || !lengths ? past : lengths[b] - queries;
    for (let i = 0; i < queries; i++) {
      for (let j = 0; j < keys; j++) {
        const isLater = isCausal && j > i + offset;
        const isPadding = lengths !== undefined && j >= lengths[b];
        if (isLater || isPadding) values[(b * queries + i) * keys + j] = Number.NEGATIVE_INFINITY;
      }
    }
  }
  return hostTensor(values, [rows, 1, queries, keys]);
}

/** The mask of the node as something to add, widened to all keys: what it does not mention is forbidden. */
function maskBias(mask: Tensor | undefined, keys: number): Tensor | undefined {
  if (!mask) return undefined;
  const bias =
    mask.dtype === "bool" ? api.where(mask, hostTensor([0], []), hostTensor([Number.NEGATIVE_INFINITY], [])) : mask;
  const missing = keys - mask.shape.at(-1)!;
  if (missing <= 0) return bias;
  const widths = bias.shape.map((_, axis): [number, number] => [0, axis === bias.rank - 1 ? missing : 0]);
  return api.pad(bias, widths, { value: Number.NEGATIVE_INFINITY });
}

function attention(node: Node): readonly Tensor[] {
  const isFlat = node.input(0).rank === 3;
  const heads = (x: Tensor, attribute: string): Tensor => (isFlat ? intoHeads(x, node.number(attribute)) : x);
  const q = heads(node.input(0), "q_num_heads");
  const [ownKeys, ownValues] = [heads(node.input(1), "kv_num_heads"), heads(node.input(2), "kv_num_heads")];
  const [pastKeys, pastValues] = [node.optional(4), node.optional(5)];
  const keys = pastKeys ? api.concat([pastKeys, ownKeys], 2) : ownKeys;
  const values = pastValues ? api.concat([pastValues, ownValues], 2) : ownValues;
  const [batch, queryHeads, queries, size] = q.shape;
  const scale = node.number("scale", 1 / Math.sqrt(size));
  const softcap = node.number("softcap", 0);
  const times = queryHeads / keys.shape[1];
  const result = (y: Tensor, scores: Tensor) => [isFlat ? outOfHeads(y) : y, keys, values, scores];
  const mask = maskBias(node.optional(3), keys.shape[2]);
  const past = pastKeys?.shape[2] ?? 0;
  const [isCausal, hasLengths] = [node.flag("is_causal", false), node.hasInput(6)];
  // Queries that are the last of the keys are what our op calls lower-right.
  const isOurs = !hasLengths && (!isCausal || past === 0 || queries === ownKeys.shape[2]);
  if (isOurs && softcap === 0 && !node.wants(3)) {
    const causal = isCausal && (past === 0 || ("lower-right" as const));
    return result(api.scaledDotProductAttention(q, keys, values, { causal, bias: mask, scale }), q);
  }
  const position = positionBias(node, batch, queries, keys.shape[2], past);
  const bias = position && mask ? api.add(position, mask) : (position ?? mask);
  const [k, v] = [repeatHeads(keys, times), repeatHeads(values, times)];
  if (softcap === 0 && !node.wants(3)) return result(api.scaledDotProductAttention(q, k, v, { bias, scale }), q);
  const products = api.matmul(q, api.transpose(k, -2, -1), scale);
  const capped = softcap > 0 ? api.mul(api.tanh(api.div(products, softcap)), softcap) : products;
  const biased = bias ? api.add(capped, bias) : capped;
  const probabilities = api.softmax(biased, -1);
  const shown = [products, capped, biased, probabilities][node.number("qk_matmul_output_mode", 0)];
  return result(api.matmul(probabilities, v), shown);
}

/** Rotates pairs of features by angles that grow with the position (arXiv:2104.09864). */
function rotaryEmbedding(node: Node): Tensor {
  const given = node.input(0);
  const isFlat = given.rank === 3;
  // [batch, length, heads, size]
  const x = isFlat
    ? api.reshape(given, [given.shape[0], given.shape[1], node.number("num_heads"), -1])
    : api.permute(given, [0, 2, 1, 3]);
  const size = x.shape[3];
  const rotated = node.number("rotary_embedding_dim", 0) || size;
  const cache = (index: number): Tensor => {
    const table = node.input(index);
    if (!node.hasInput(3)) return api.unsqueeze(table, 2);
    const ids = node.input(3);
    const rows = api.indexSelect(table, 0, api.reshape(ids, [-1]));
    return api.reshape(rows, [...ids.shape, 1, table.shape[1]]);
  };
  const [cos, sin] = [cache(1), cache(2)];
  const isInterleaved = node.flag("interleaved", false);
  const half = rotated / 2;
  const [first, second] = isInterleaved
    ? [api.slice(x, 3, 0, rotated, 2), api.slice(x, 3, 1, rotated, 2)]
    : [api.slice(x, 3, 0, half), api.slice(x, 3, half, rotated)];
  const real = api.sub(api.mul(cos, first), api.mul(sin, second));
  const imaginary = api.add(api.mul(sin, first), api.mul(cos, second));
  const turned = isInterleaved
    ? api.reshape(api.stack([real, imaginary], 4), [...x.shape.slice(0, 3), rotated])
    : api.concat([real, imaginary], 3);
  const y = rotated === size ? turned : api.concat([turned, api.slice(x, 3, rotated, size)], 3);
  return isFlat ? api.reshape(y, given.shape) : api.permute(y, [0, 2, 1, 3]);
}

export const attentionOperators: OperatorTable = {
  Attention: attention,
  RotaryEmbedding: rotaryEmbedding,
};
