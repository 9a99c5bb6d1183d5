import { matmul, transposed } from "./matmul.ts";
import { at, generate, type NdArray, type Reference } from "./nd-array.ts";
import { logSumExp } from "./normalization.ts";

type Reduction = "mean" | "sum" | "none";

/** Losses put together; `mean` divides by the sum of the weights. */
export function reduced(losses: NdArray, reduction: Reduction, weights: ArrayLike<number>): NdArray {
  if (reduction === "none") return losses;
  const total = losses.data.reduce((a, b) => a + b, 0);
  const divisor = Array.from(weights).reduce((a, b) => a + b, 0);
  return { shape: [], data: Float64Array.of(reduction === "sum" ? total : total / divisor) };
}

export const crossEntropy: Reference<{ ignoreIndex: number; labelSmoothing: number; reduction: Reduction }> = (
  [logits, labels, weight],
  { ignoreIndex, labelSmoothing, reduction },
) => {
  const axis = logits.shape.length === 1 ? 0 : 1;
  const classes = logits.shape[axis];
  const shape = logits.shape.filter((_, i) => i !== axis);
  const weightOf = (index: number): number => weight?.data[index] ?? 1;
  const weights: number[] = [];
  const losses = generate(shape, (index) => {
    const label = at(labels, index);
    weights.push(label === ignoreIndex ? 0 : weightOf(label));
    if (label === ignoreIndex) return 0;
    const row = Float64Array.from({ length: classes }, (_, c) =>
      at(logits, [...index.slice(0, axis), c, ...index.slice(axis)]),
    );
    const surprise = row.map((x) => logSumExp(row) - x);
    const even = surprise.reduce((total, value, c) => total + weightOf(c) * value, 0);
    return (1 - labelSmoothing) * weightOf(label) * surprise[label] + (labelSmoothing / classes) * even;
  });
  return reduced(losses, reduction, weights);
};

export const linearCrossEntropy: Reference<{ ignoreIndex: number; reduction: Reduction }> = (
  [x, weight, labels],
  attributes,
) => crossEntropy([matmul([x, transposed(weight)], { scale: 1 }), labels], { ...attributes, labelSmoothing: 0 });
