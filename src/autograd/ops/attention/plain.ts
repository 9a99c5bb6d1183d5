import { isFloat, type Tensor } from "../../../tensor/index.ts";
import { sum, sumTo } from "../broadcast.ts";
import { mul, sub } from "../elementwise/index.ts";
import { matmul } from "../linear-algebra/matmul.ts";
import { attentionSoftmax } from "../normalization/softmax.ts";
import { reshape, transpose } from "../shape/views.ts";
import { checkShapes } from "./heads.ts";

export interface AttentionAttributes {
  /** Factor of the scores. */
  scale: number;
  /** Query i sees the first `reach` + i keys; all when undefined. */
  reach?: number;
}

/** Of the inputs behind query, key and value, an integer or bool is the mask, a float the bias. */
export const masksOf = ([, , , ...others]: readonly Tensor[]): { mask?: Tensor; bias?: Tensor } => ({
  mask: others.find((x) => !isFloat(x.dtype)),
  bias: others.find((x) => isFloat(x.dtype)),
});

interface PlainAttention {
  /** [..., heads, Q, K] */
  probabilities: Tensor;
  /** Values weighed by what was made of the probabilities, after dropout. */
  weigh(probabilities: Tensor): Tensor;
  /** Gradients of query, key and value, and of the scores, from that of the result. */
  gradients(g: Tensor): [query: () => Tensor, key: () => Tensor, value: () => Tensor, scores: () => Tensor];
}

/**
 * Attention in differentiable ops, with all probabilities in memory: for what is done to them, and for second derivatives.
 * `drop` is applied to the probabilities, and to their gradient.
 */
export function plainAttention(
  inputs: readonly Tensor[],
  { scale, reach }: AttentionAttributes,
  drop: (x: Tensor) => Tensor = (x) => x,
): PlainAttention {
  const [query, key, value] = inputs;
  const groups = checkShapes(query, key, value);
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
  const scores = ungrouped(matmul(grouped(query), transpose(shared(key)), scale));
  const probabilities = attentionSoftmax(scores, { reach, ...masksOf(inputs) });
  const ofKeys = (gradient: Tensor, x: Tensor): Tensor => reshape(sumTo(gradient, shared(x).shape), x.shape);
  return {
    probabilities,
    weigh: (p) => ungrouped(matmul(grouped(drop(p)), shared(value))),
    gradients: (g) => {
      const dProbabilities = drop(ungrouped(matmul(grouped(g), transpose(shared(value)))));
      const dots = sum(mul(dProbabilities, probabilities), -1, true);
      const dScores = mul(probabilities, sub(dProbabilities, dots));
      return [
        () => sumTo(ungrouped(matmul(grouped(dScores), shared(key), scale)), query.shape),
        () => ofKeys(matmul(transpose(grouped(dScores)), grouped(query), scale), key),
        () => ofKeys(matmul(transpose(grouped(drop(probabilities))), grouped(g)), value),
        () => dScores,
      ];
    },
  };
}
