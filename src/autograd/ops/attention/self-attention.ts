import { attentionBackward } from "../../../kernels/attention/backward.ts";
import { attentionForward } from "../../../kernels/attention/forward.ts";
import type { AttentionInputs } from "../../../kernels/attention/operands.ts";
import { copy as copyOf } from "../../../kernels/copy.ts";
import { output, requireFloat32 } from "../../../kernels/launch.ts";
import { formatShape, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { sum } from "../broadcast.ts";
import { add, mul, sub } from "../elementwise/index.ts";
import { matmul } from "../linear-algebra/matmul.ts";
import { attentionSoftmax } from "../normalization/softmax.ts";
import { padAxis, permute, reshape, slice, transpose } from "../shape/views.ts";

export interface SelfAttentionAttributes {
  heads: number;
  /** Factor of the scores. */
  scale: number;
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

function inputsOf(joint: Tensor, mask: Tensor | undefined, { heads, scale }: SelfAttentionAttributes): AttentionInputs {
  const [query, key, value] = [0, 1, 2].map((part) => headsView(joint, part, 3, heads));
  const [batch, length] = joint.shape;
  const ofKeys = mask?.view([batch, 1, 1, 1, length], [mask.strides[0], 0, 0, 0, mask.strides[1]]);
  return { query, key, value, mask: ofKeys, scale, reach: 1 };
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

/** The same gradient in differentiable ops. */
function plainBackward(
  g: Tensor,
  joint: Tensor,
  mask: Tensor | undefined,
  { heads, scale }: SelfAttentionAttributes,
): Tensor {
  const [batch, length, triple] = joint.shape;
  const width = triple / 3 / heads;
  const split = (x: Tensor): Tensor => permute(reshape(x, [batch, length, heads, width]), [0, 2, 1, 3]);
  const merge = (x: Tensor): Tensor => reshape(permute(x, [0, 2, 1, 3]), [batch, length, heads * width]);
  const part = (index: number): Tensor => split(slice(joint, 2, (index * triple) / 3, ((index + 1) * triple) / 3));
  const [query, key, value] = [part(0), part(1), part(2)];
  const probabilities = attentionSoftmax(matmul(query, transpose(key), scale), {
    reach: 1,
    mask: mask && overHeads(mask),
  });
  const gradient = split(g);
  const dProbabilities = matmul(gradient, transpose(value));
  const dScores = mul(probabilities, sub(dProbabilities, sum(mul(dProbabilities, probabilities), -1, true)));
  const place = (x: Tensor, index: number): Tensor => padAxis(merge(x), 2, (index * triple) / 3, joint.shape);
  const dQuery = place(matmul(dScores, key, scale), 0);
  const dKey = place(matmul(transpose(dScores), query, scale), 1);
  return add(add(dQuery, dKey), place(matmul(transpose(probabilities), gradient), 2));
}

/**
 * Causal self-attention over a joint projection [batch, length, 3 · heads · width] (query, key, value side by side, as
 * GPT-2's `c_attn` gives them): softmax(scale · Q Kᵀ) V per head, result [batch, length, heads · width]. A second
 * input [batch, length] hides keys where it is 0. One kernel reads the heads in place and holds no scores in memory (online
 * softmax, arXiv:2205.14135); what it leaves for the gradient grows with the length, not with its square.
 */
export const causalSelfAttentionOp = defineOp<SelfAttentionAttributes>({
  name: NAME,
  infer: ([joint, mask], { heads }) => {
    requireFloat32(NAME, joint);
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
  samples: () => [
    { inputs: [{ shape: [2, 5, 24] }], attributes: { heads: 2, scale: 0.5 } },
    { inputs: [{ shape: [1, 1, 9] }], attributes: { heads: 3, scale: 1 } },
    {
      inputs: [{ shape: [3, 7, 15] }, { shape: [3, 7], dtype: "i32", low: 0, high: 2 }],
      attributes: { heads: 1, scale: 0.4 },
    },
  ],
});

export const causalSelfAttention = (
  joint: Tensor,
  options: { heads: number; scale: number; mask?: Tensor },
): Tensor => {
  const { heads, scale, mask } = options;
  return causalSelfAttentionOp(mask ? [joint, mask] : [joint], { heads, scale });
};
