import type { ParamValues } from "../../gpu/index.ts";

/**
 * Operations of one dispatch: `perWidth` and `perValueWidth` products and sums for each pair of a row and a column that it
 * sees, for each element of theirs. Row i sees the columns before reach + i where the attention is causal, all elsewhere.
 */
export function attentionFlops(params: ParamValues, perWidth: number, perValueWidth: number): number {
  const [outer, inner, groups, rows] = params.axes as readonly number[];
  const [columns, reach, step] = [params.columns, params.reach, params.step].map(Number);
  let pairs = 0;
  for (let row = 0; row < rows; row++) pairs += Math.min(columns, Math.max(0, reach + step * row));
  const perPair = 2 * (perWidth * Number(params.width) + perValueWidth * Number(params.valueWidth));
  return outer * inner * groups * pairs * perPair;
}
