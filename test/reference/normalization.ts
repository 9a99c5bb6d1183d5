import { matmul } from "./matmul.ts";
import { forEachIndex, fromRows, generate, type NdArray, type Reference, rowsOf } from "./nd-array.ts";

export const layerNorm: Reference<{ epsilon: number }> = ([x, weight, bias], { epsilon }) => {
  const rows = rowsOf(x).map((row) => {
    const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
    const deviation = Math.sqrt(variance + epsilon);
    return row.map((value, column) => ((value - mean) / deviation) * weight.data[column] + bias.data[column]);
  });
  return fromRows(x.shape, rows);
};

/** Softmax of the entries that may be seen; the others are 0, and so is a row that sees nothing. */
function softmaxRow(row: Float64Array, sees: (column: number) => boolean = () => true): Float64Array {
  const seen = row.filter((_, column) => sees(column));
  const largest = seen.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = seen.reduce((sum, value) => sum + Math.exp(value - largest), 0);
  return row.map((value, column) => (sees(column) ? Math.exp(value - largest) / total : 0));
}

export function logSumExp(row: Float64Array): number {
  const largest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return largest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

export const softmax: Reference = ([x]) =>
  fromRows(
    x.shape,
    rowsOf(x).map((row) => softmaxRow(row)),
  );

export const logSoftmax: Reference = ([x]) =>
  fromRows(
    x.shape,
    rowsOf(x).map((row) => {
      const shift = logSumExp(row);
      return row.map((value) => value - shift);
    }),
  );

export const attentionSoftmax: Reference<{ causal: boolean }> = ([scores, mask], { causal }) => {
  const [, heads, queries, keys] = scores.shape;
  const rows = rowsOf(scores).map((row, i) => {
    const query = i % queries;
    const batch = Math.floor(i / queries / heads);
    return softmaxRow(row, (key) => (!causal || key <= keys - queries + query) && mask?.data[batch * keys + key] !== 0);
  });
  return fromRows(scores.shape, rows);
};

export const causalSelfAttention: Reference<{ heads: number; scale: number }> = ([joint, mask], { heads, scale }) => {
  const [batch, length, triple] = joint.shape;
  const channels = triple / 3;
  const width = channels / heads;
  const element = (b: number, row: number, part: number, head: number, column: number): number =>
    joint.data[(b * length + row) * triple + part * channels + head * width + column];
  const query = generate([batch, heads, length, width], ([b, h, t, c]) => element(b, t, 0, h, c));
  const key = generate([batch, heads, width, length], ([b, h, c, t]) => element(b, t, 1, h, c));
  const value = generate([batch, heads, length, width], ([b, h, t, c]) => element(b, t, 2, h, c));
  const scores = matmul([query, key], { scale });
  const probabilities = attentionSoftmax(mask ? [scores, mask] : [scores], { causal: true });
  const merged: NdArray = generate([batch, length, channels], () => 0);
  const y = matmul([probabilities, value], { scale: 1 });
  forEachIndex(y.shape, ([b, h, t, c], position) => {
    merged.data[(b * length + t) * channels + h * width + c] = y.data[position];
  });
  return merged;
};
