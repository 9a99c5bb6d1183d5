import { matmul } from "./matmul.ts";
import {
  at,
  forEachIndex,
  fromFront,
  fromRows,
  generate,
  type NdArray,
  type Reference,
  rowsOf,
  sizeOf,
} from "./nd-array.ts";
import { dropout } from "./random.ts";

interface RowNorm {
  epsilon: number;
  weight: boolean;
  bias: boolean;
}

const rowNorm =
  (centered: boolean): Reference<RowNorm> =>
  (inputs, attributes) => {
    const [x] = inputs;
    const weight = attributes.weight ? inputs[1] : undefined;
    const bias = attributes.bias ? inputs[attributes.weight ? 2 : 1] : undefined;
    const rows = rowsOf(x).map((row) => {
      const mean = centered ? row.reduce((sum, value) => sum + value, 0) / row.length : 0;
      const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
      const deviation = Math.sqrt(variance + attributes.epsilon);
      return row.map(
        (value, column) => ((value - mean) / deviation) * (weight?.data[column] ?? 1) + (bias?.data[column] ?? 0),
      );
    });
    return fromRows(x.shape, rows);
  };

export const layerNorm = rowNorm(true);
export const rmsNorm = rowNorm(false);

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

/** Applies a function of rows along any axis. */
const alongAxis =
  (apply: (row: Float64Array) => Float64Array): Reference<{ axis: number }> =>
  ([x], { axis }) => {
    const along = fromFront(axis, x.shape.length);
    const columns = x.shape[along];
    const inner = sizeOf(x.shape.slice(along + 1));
    const data = new Float64Array(x.data.length);
    for (let row = 0; row < data.length / columns; row++) {
      const start = Math.floor(row / inner) * columns * inner + (row % inner);
      const result = apply(Float64Array.from({ length: columns }, (_, k) => x.data[start + k * inner]));
      result.forEach((value, k) => {
        data[start + k * inner] = value;
      });
    }
    return { shape: x.shape, data };
  };

export const softmax = alongAxis((row) => softmaxRow(row));

export const logSoftmax = alongAxis((row) => {
  const shift = logSumExp(row);
  return row.map((value) => value - shift);
});

/** Of the inputs behind the scores, one of zeros and ones hides, and any other is added. */
export const attentionSoftmax: Reference<{ reach?: number }> = ([scores, ...others], { reach }) => {
  const isMask = (x: NdArray): boolean => x.data.every((value) => value === 0 || value === 1);
  const mask = others.find(isMask);
  const bias = others.find((x) => !isMask(x));
  const logits = generate(scores.shape, (index) => at(scores, index) + (bias ? at(bias, index) : 0));
  const seen = generate(scores.shape, (index) => {
    const [query, key] = index.slice(-2);
    return Number((reach === undefined || key < reach + query) && (!mask || at(mask, index) !== 0));
  });
  const seenRows = rowsOf(seen);
  return fromRows(
    scores.shape,
    rowsOf(logits).map((row, i) => softmaxRow(row, (key) => seenRows[i][key] !== 0)),
  );
};

export const causalSelfAttention: Reference<{
  heads: number;
  scale: number;
  dropout?: { p: number; seed: number | (() => number) };
}> = ([joint, mask], { heads, scale, dropout: dropping }) => {
  const [batch, length, triple] = joint.shape;
  const channels = triple / 3;
  const width = channels / heads;
  const element = (b: number, row: number, part: number, head: number, column: number): number =>
    joint.data[(b * length + row) * triple + part * channels + head * width + column];
  const query = generate([batch, heads, length, width], ([b, h, t, c]) => element(b, t, 0, h, c));
  const key = generate([batch, heads, width, length], ([b, h, c, t]) => element(b, t, 1, h, c));
  const value = generate([batch, heads, length, width], ([b, h, t, c]) => element(b, t, 2, h, c));
  const scores = matmul([query, key], { scale });
  const keys = mask && { shape: [batch, 1, 1, length], data: mask.data };
  const probabilities = attentionSoftmax(keys ? [scores, keys] : [scores], { reach: 1 });
  const merged: NdArray = generate([batch, length, channels], () => 0);
  const y = matmul([dropping ? dropout([probabilities], dropping) : probabilities, value], { scale: 1 });
  forEachIndex(y.shape, ([b, h, t, c], position) => {
    merged.data[(b * length + t) * channels + h * width + c] = y.data[position];
  });
  return merged;
};

/** Heads that are fewer than those of the queries serve as many adjacent ones each. */
export const scaledDotProductAttention: Reference<{ scale: number; reach?: number }> = (
  [query, key, value, ...masks],
  { scale, reach },
) => {
  const heads = query.shape[query.shape.length - 3] ?? 1;
  const spread = (x: NdArray): NdArray => {
    const axis = x.shape.length - 3;
    if (axis < 0 || x.shape[axis] === 1 || heads === 1 || x.shape[axis] === heads) return x;
    const times = heads / x.shape[axis];
    return generate(x.shape.with(axis, heads), (index) => at(x, index.with(axis, Math.floor(index[axis] / times))));
  };
  const [k, v] = [spread(key), spread(value)];
  const last = k.shape.length - 1;
  const keyT = generate(k.shape.with(last, k.shape[last - 1]).with(last - 1, k.shape[last]), (index) =>
    at(k, index.with(last, index[last - 1]).with(last - 1, index[last])),
  );
  const scores = matmul([query, keyT], { scale });
  return matmul([attentionSoftmax([scores, ...masks], { reach }), v], { scale: 1 });
};
