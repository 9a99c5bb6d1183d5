import { matmul, transposed } from "./matmul.ts";
import { type Reference, rowsOf } from "./nd-array.ts";
import { logSumExp } from "./normalization.ts";

export const crossEntropy: Reference<{ ignoreIndex: number }> = ([logits, labels], { ignoreIndex }) => ({
  shape: [logits.shape[0]],
  data: Float64Array.from(rowsOf(logits), (row, i) => {
    const label = labels.data[i];
    return label === ignoreIndex ? 0 : logSumExp(row) - row[label];
  }),
});

export const linearCrossEntropy: Reference<{ ignoreIndex: number }> = ([x, weight, labels], attributes) =>
  crossEntropy([matmul([x, transposed(weight)], { scale: 1 }), labels], attributes);
