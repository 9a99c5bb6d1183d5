import naive from "../../../shaders/bench/layer-norm-naive.wgsl";
import tree from "../../../shaders/bench/layer-norm-tree.wgsl";
import welford from "../../../shaders/bench/layer-norm-welford.wgsl";
import { rowNormForward } from "../../kernels/normalization/row-norm.ts";
import { engineCandidates } from "../engine.ts";
import type { Family, Sizes } from "../family.ts";
import type { Candidate, Problem } from "../problem.ts";
import { bytesOf, floats } from "../values.ts";
import { cachedByRow } from "./rows.ts";

/** The rows of all shaders of the family add this to the variance. */
const EPSILON = 1e-5;

/** (x − mean) / √(variance + ε) by position, and the root by row, in double precision. */
export function layerNormReference(
  values: Float32Array,
  columns: number,
  epsilon: number,
): { normalized: (position: number) => number; deviation: (row: number) => number } {
  const statistics = cachedByRow((row) => {
    const own = values.subarray(row * columns, (row + 1) * columns);
    const mean = own.reduce((sum, v) => sum + v, 0) / columns;
    const variance = own.reduce((sum, v) => sum + (v - mean) ** 2, 0) / columns;
    return { mean, deviation: Math.sqrt(variance + epsilon) };
  });
  return {
    normalized: (position) => {
      const { mean, deviation } = statistics(Math.floor(position / columns));
      return (values[position] - mean) / deviation;
    },
    deviation: (row) => statistics(row).deviation,
  };
}

function problem({ R, C }: Sizes): Problem {
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
          const value = normalized(position) * weight.values[position % C] + bias.values[position % C];
          return { value, scale: 1 + Math.abs(value) };
        },
      },
    ],
    // Sum; difference, square and sum; difference and three of the result.
    operations: 8 * R * C,
    bytes: bytesOf([R, C], [R, C]),
  };
}

const engine = (_sizes: Sizes): Candidate[] =>
  engineCandidates("rows", {
    name: "engine",
    adds: "The engine's own kernel, which also keeps mean and deviation of each row for the backward pass.",
    prepare:
      ({ x, weight, bias }) =>
      () =>
        rowNormForward("layerNorm", x, { centered: true, weight, bias }, EPSILON).slice(0, 1),
  });

export const layerNorm: Family = {
  name: "layer-norm",
  computes: "y = (x − mean) / √(variance + 10⁻⁵) · weight + bias of each row of x [R, C]",
  dimensions: ["R", "C"],
  sizeForms: "RxC",
  defaultSize: { software: "512x768", hardware: "32768x1024" },
  tinySize: "13x37",
  expand: (numbers) => (numbers.length === 2 ? numbers : undefined),
  shapes: ({ R, C }) => ({ x: [R, C], weight: [C], bias: [C], y: [R, C] }),
  problem,
  contract: ({ R, C }) => ({
    reads: ["x", "weight", "bias"],
    writes: ["y"],
    params: { R: "u32", C: "u32" },
    values: { R, C },
  }),
  rungs: [
    { name: "naive", adds: "One invocation takes one row, in three passes: mean, variance, result.", wgsl: naive },
    {
      name: "welford",
      adds: "Mean and variance come from one pass by Welford's update: x is read twice instead of three times.",
      wgsl: welford,
    },
    {
      name: "tree",
      adds: "64 invocations share a row, read neighbouring numbers together and join their sums in workgroup memory.",
      wgsl: tree,
    },
  ],
  engine,
};
