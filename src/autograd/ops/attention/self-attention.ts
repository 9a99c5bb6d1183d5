import { attentionBackward } from "../../../kernels/attention/backward.ts";
import { attentionForward } from "../../../kernels/attention/forward.ts";
import type { AttentionInputs, Dropping } from "../../../kernels/attention/operands.ts";
import { copy as copyOf } from "../../../kernels/copy.ts";
import { output, requireFloat32 } from "../../../kernels/launch.ts";
import { fitsBinding } from "../../../kernels/windows.ts";
import { formatShape, type Tensor, tidy } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { dropout, requireChance } from "../dropout.ts";
import { add } from "../elementwise/index.ts";
import { padAxis, permute, reshape, slice } from "../shape/views.ts";
import { plainAttention } from "./plain.ts";

export interface SelfAttentionAttributes {
  heads: number;
  /** Factor of the scores. */
  scale: number;
  /** Of the attention probabilities, each by its place in [batch, heads, query, key]. */
  dropout?: Dropping;
}

const NAME = "causalSelfAttention";

/**
 * Query, key or value of a joint projection [batch, length, 3, heads, width], or the heads of a result with one part, as
 * [batch, heads, 1, length, width].
 */
function headsView(x: Tensor, part: number, parts: number, heads: number): Tensor {
  const [batch, length, channels] = x.shape;
  const width = channels / parts / heads;
  const [batchStride, rowStride] = x.strides;
  const offset = x.offset + part * heads * width;
  return x.view([batch, heads, 1, length, width], [batchStride, width, 0, rowStride, 1], offset);
}

/** A mask of keys [batch, length], for every head and query. */
const overHeads = (mask: Tensor): Tensor =>
  mask.view([mask.shape[0], 1, 1, mask.shape[1]], [mask.strides[0], 0, 0, mask.strides[1]]);

function inputsOf(
  joint: Tensor,
  mask: Tensor | undefined,
  { heads, scale, dropout }: SelfAttentionAttributes,
): AttentionInputs {
  const [query, key, value] = [0, 1, 2].map((part) => headsView(joint, part, 3, heads));
  const [batch, length] = joint.shape;
  const ofKeys = mask?.view([batch, 1, 1, 1, length], [mask.strides[0], 0, 0, 0, mask.strides[1]]);
  return { query, key, value, mask: ofKeys, scale, reach: 1, dropout };
}

function forward(joint: Tensor, mask: Tensor | undefined, attributes: SelfAttentionAttributes): [Tensor, Tensor] {
  const [batch, length, triple] = joint.shape;
  const y = output(NAME, joint, [batch, length, triple / 3]);
  const statistics = attentionForward(NAME, inputsOf(joint, mask, attributes), headsView(y, 0, 1, attributes.heads));
  return [y, statistics];
}

/** Gradients of query, key and value are written straight into their places of the joint gradient. */
function fusedBackward(
  g: Tensor,
  [joint, y, statistics, mask]: readonly Tensor[],
  attributes: SelfAttentionAttributes,
): Tensor {
  const op = `${NAME} backward`;
  const { heads } = attributes;
  const result = output(op, joint, joint.shape);
  const gradient = g.strides[2] === 1 ? g : copyOf(g);
  attentionBackward(op, inputsOf(joint, mask, attributes), {
    y: headsView(y, 0, 1, heads),
    g: headsView(gradient, 0, 1, heads),
    statistics,
    dQuery: headsView(result, 0, 3, heads),
    dKeyAndValue: [headsView(result, 1, 3, heads), headsView(result, 2, 3, heads)],
  });
  return result;
}

/** Heads of queries, keys or values, or of a result, in differentiable ops: [batch, heads, length, width]. */
const splitHeads = (x: Tensor, heads: number): Tensor => {
  const [batch, length, channels] = x.shape;
  return permute(reshape(x, [batch, length, heads, channels / heads]), [0, 2, 1, 3]);
};

const mergeHeads = (x: Tensor): Tensor => {
  const [batch, heads, length, width] = x.shape;
  return reshape(permute(x, [0, 2, 1, 3]), [batch, length, heads * width]);
};

/** Attention in differentiable ops, with all probabilities in memory. */
function plain(joint: Tensor, mask: Tensor | undefined, { heads, scale, dropout: dropping }: SelfAttentionAttributes) {
  const channels = joint.shape[2] / 3;
  const parts = [0, 1, 2].map((part) => splitHeads(slice(joint, 2, part * channels, (part + 1) * channels), heads));
  const inputs = mask ? [...parts, overHeads(mask)] : parts;
  return plainAttention(inputs, { scale, reach: 1 }, dropping && ((x) => dropout(x, dropping.p, dropping.seed)));
}

/** The same gradient in differentiable ops. */
function plainBackward(
  g: Tensor,
  joint: Tensor,
  mask: Tensor | undefined,
  attributes: SelfAttentionAttributes,
): Tensor {
  const channels = joint.shape[2] / 3;
  const [query, key, value] = plain(joint, mask, attributes).gradients(splitHeads(g, attributes.heads));
  const place = (x: Tensor, index: number): Tensor => padAxis(mergeHeads(x), 2, index * channels, joint.shape);
  return add(add(place(query(), 0), place(key(), 1)), place(value(), 2));
}

/**
 * Causal self-attention over a joint projection [batch, length, 3 · heads · width] (query, key, value side by side, as
 * GPT-2's `c_attn` gives them): softmax(scale · Q Kᵀ) V per head, result [batch, length, heads · width]. A second
 * input [batch, length] hides keys where it is 0. One kernel reads the heads in place and holds no scores in memory (online
 * softmax, arXiv:2205.14135); what it leaves for the gradient grows with the length, not with its square.
 */
export const causalSelfAttentionOp = defineOp<SelfAttentionAttributes>({
  name: NAME,
  infer: ([joint, mask], { heads, dropout: dropping }) => {
    requireFloat32(NAME, joint);
    if (dropping) requireChance(NAME, dropping.p, dropping.seed);
    const [batch, length, triple] = joint.shape;
    if (joint.rank !== 3 || triple % (3 * heads) !== 0) {
      throw new Error(`${NAME}: expected [batch, length, 3 · ${heads} heads · width], got ${formatShape(joint.shape)}`);
    }
    if (mask && (mask.rank !== 2 || mask.shape[0] !== batch || mask.shape[1] !== length)) {
      throw new Error(`${NAME}: expected a mask of shape [${batch}, ${length}], got ${formatShape(mask.shape)}`);
    }
    return { shape: [batch, length, triple / 3], dtype: "f32" };
  },
  forward: ([joint, mask], attributes) => forward(joint.isContiguous ? joint : copyOf(joint), mask, attributes),
  save: ([joint, mask], [y, statistics]) => [joint, y, statistics, ...(mask ? [mask] : [])],
  vjp: (g, [joint, y, statistics, mask], { attributes, createGraph, inputs }) => [
    () => {
      if (createGraph) return plainBackward(g, joint, mask, attributes);
      const read = joint.isContiguous ? joint : copyOf(joint);
      return fusedBackward(g, [read, y, statistics, ...(mask ? [mask] : [])], attributes);
    },
    ...(inputs.length > 1 ? [null] : []),
  ],
});

export interface SelfAttentionOptions extends SelfAttentionAttributes {
  /** Keys that may be seen, [batch, length] of an integer type or bool: 0 hides. */
  mask?: Tensor;
}

/** {@link causalSelfAttentionOp}; with dropout over more than a binding in plain ops, which hold all probabilities. */
export const causalSelfAttention = (joint: Tensor, { mask, ...attributes }: SelfAttentionOptions): Tensor => {
  if (attributes.dropout && !fitsBinding(joint)) {
    return tidy(() => {
      const { probabilities, weigh } = plain(joint, mask, attributes);
      return mergeHeads(weigh(probabilities));
    });
  }
  return causalSelfAttentionOp(mask ? [joint, mask] : [joint], attributes);
};
