import { layerNorm, softmax } from "../../autograd/index.ts";
import { layerNormReference } from "../families/layer-norm.ts";
import { cachedByRow } from "../families/rows.ts";
import { softmaxReference } from "../families/softmax.ts";
import type { Problem } from "../problem.ts";
import { bytesOf, floats, sumTolerance } from "../values.ts";
import { type OpRow, opRows } from "./op-row.ts";

const EPSILON = 1e-5;

function softmaxForward(R: number, C: number): Problem {
  const x = floats("x", [R, C], 1, 4);
  const reference = softmaxReference(x.values, C);
  const expected = (position: number) => ({ value: reference(position), scale: reference(position) });
  return {
    inputs: [x],
    results: [{ name: "y", shape: [R, C], tolerance: 5e-6, expected }],
    operations: 0,
    bytes: bytesOf([R, C], [R, C]),
  };
}

function softmaxBackward(R: number, C: number): Problem {
  const [x, g] = [floats("x", [R, C], 1, 4), floats("g", [R, C], 2)];
  const y = softmaxReference(x.values, C);
  const sums = cachedByRow((row) => {
    let sum = 0;
    for (let i = row * C; i < (row + 1) * C; i++) sum += g.values[i] * y(i);
    return sum;
  });
  return {
    inputs: [x, g],
    results: [
      {
        name: "x's gradient",
        shape: [R, C],
        tolerance: 1e-5,
        expected: (position) => {
          const sum = sums(Math.floor(position / C));
          return { value: y(position) * (g.values[position] - sum), scale: y(position) * (1 + Math.abs(sum)) };
        },
      },
    ],
    operations: 0,
    // The gradient, the saved result, and what is made of them.
    bytes: bytesOf([R, C], [R, C], [R, C]),
  };
}

function normForward(R: number, C: number): Problem {
  const [x, weight, bias] = [floats("x", [R, C], 1), floats("weight", [C], 2), floats("bias", [C], 3)];
  const { normalized } = layerNormReference(x.values, C, EPSILON);
  return {
    inputs: [x, weight, bias],
    results: [
      {
        name: "y",
        shape: [R, C],
        tolerance: 5e-6,
        expected: (position) => {
          const [factor, shift] = [weight.values[position % C], bias.values[position % C]];
          const value = normalized(position) * factor + shift;
          return { value, scale: 1 + Math.abs(value) };
        },
      },
    ],
    operations: 0,
    bytes: bytesOf([R, C], [R, C]),
  };
}

function normBackward(R: number, C: number): Problem {
  const [x, weight, bias] = [floats("x", [R, C], 1), floats("weight", [C], 2), floats("bias", [C], 3)];
  const g = floats("g", [R, C], 4);
  const { normalized, deviation } = layerNormReference(x.values, C, EPSILON);
  // Means over a row of g · weight, and of it times the normalised x.
  const means = cachedByRow((row) => {
    let [plain, weighted] = [0, 0];
    for (let i = row * C; i < (row + 1) * C; i++) {
      const own = g.values[i] * weight.values[i % C];
      plain += own / C;
      weighted += (own * normalized(i)) / C;
    }
    return { plain, weighted };
  });
  const column = (factor: (i: number) => number) => (position: number) => {
    let [value, scale] = [0, 0];
    for (let i = position; i < R * C; i += C) {
      value += g.values[i] * factor(i);
      scale += Math.abs(g.values[i] * factor(i));
    }
    return { value, scale };
  };
  return {
    inputs: [x, weight, bias, g],
    results: [
      {
        name: "x's gradient",
        shape: [R, C],
        tolerance: 1e-5,
        expected: (position) => {
          const row = Math.floor(position / C);
          const { plain, weighted } = means(row);
          const own = g.values[position] * weight.values[position % C];
          const value = (own - plain - normalized(position) * weighted) / deviation(row);
          return { value, scale: (1 + Math.abs(own)) / deviation(row) };
        },
      },
      { name: "weight's gradient", shape: [C], tolerance: 2 * sumTolerance(R), expected: column(normalized) },
      { name: "bias's gradient", shape: [C], tolerance: sumTolerance(R), expected: column(() => 1) },
    ],
    operations: 0,
    bytes: bytesOf([R, C], [R, C], [R, C]),
  };
}

/** Softmax of rows, forward and backward. */
export const softmaxRows = (rows: number, columns: number): OpRow[] =>
  opRows(`softmax-${rows}x${columns}`, `softmax of ${rows} rows of ${columns}`, ["x"], (x) => softmax(x), {
    forward: () => softmaxForward(rows, columns),
    backward: () => softmaxBackward(rows, columns),
  });

/** Layer norm of rows, forward and backward. */
export const layerNormRows = (rows: number, columns: number): OpRow[] =>
  opRows(
    `layer-norm-${rows}x${columns}`,
    `layer norm of ${rows} rows of ${columns}`,
    ["x", "weight", "bias"],
    (x, weight, bias) => layerNorm(x, weight, bias, { epsilon: EPSILON }),
    { forward: () => normForward(rows, columns), backward: () => normBackward(rows, columns) },
  );

export const ROWS: readonly OpRow[] = [...softmaxRows(3072, 256), ...layerNormRows(512, 768)];
