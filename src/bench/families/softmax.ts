import naive from "../../../shaders/bench/softmax-naive.wgsl";
import online from "../../../shaders/bench/softmax-online.wgsl";
import tree from "../../../shaders/bench/softmax-tree.wgsl";
import { softmaxForward } from "../../kernels/normalization/softmax.ts";
import { engineCandidates } from "../engine.ts";
import type { Family, Sizes } from "../family.ts";
import type { Candidate, Problem } from "../problem.ts";
import { bytesOf, floats } from "../values.ts";
import { cachedByRow } from "./rows.ts";

/** Relative error allowed: a builtin exp is good to 3 + 2 |x| units in the last place. */
const TOLERANCE = 5e-6;

export function softmaxReference(values: Float32Array, columns: number): (position: number) => number {
  const totals = cachedByRow((row) => {
    const own = values.subarray(row * columns, (row + 1) * columns);
    const most = own.reduce((a, b) => Math.max(a, b));
    return { most, sum: own.reduce((sum, v) => sum + Math.exp(v - most), 0) };
  });
  return (position) => {
    const { most, sum } = totals(Math.floor(position / columns));
    return Math.exp(values[position] - most) / sum;
  };
}

function problem({ R, C }: Sizes): Problem {
  const x = floats("x", [R, C], 1, 4);
  const reference = softmaxReference(x.values, C);
  return {
    inputs: [x],
    results: [
      {
        name: "y",
        shape: [R, C],
        tolerance: TOLERANCE,
        expected: (position) => {
          const value = reference(position);
          return { value, scale: value };
        },
      },
    ],
    // Largest, difference, exp, sum and quotient.
    operations: 5 * R * C,
    bytes: bytesOf([R, C], [R, C]),
  };
}

const engine = (_sizes: Sizes): Candidate[] =>
  engineCandidates("rows", {
    name: "engine",
    adds: "The engine's own kernel: an exp of its own that is exact to a few units in the last place, NaN and infinities let through.",
    prepare:
      ({ x }) =>
      () => [softmaxForward("softmax", x)],
  });

export const softmax: Family = {
  name: "softmax",
  computes: "y = exp(x − max x) / Σ exp(x − max x) of each row of x [R, C]",
  dimensions: ["R", "C"],
  sizeForms: "RxC",
  defaultSize: { software: "3072x256", hardware: "49152x1024" },
  tinySize: "13x37",
  expand: (numbers) => (numbers.length === 2 ? numbers : undefined),
  shapes: ({ R, C }) => ({ x: [R, C], y: [R, C] }),
  problem,
  contract: ({ R, C }) => ({
    reads: ["x"],
    writes: ["y"],
    params: { R: "u32", C: "u32" },
    values: { R, C },
  }),
  rungs: [
    { name: "naive", adds: "One invocation takes one row, in three passes over it.", wgsl: naive },
    {
      name: "online",
      adds: "Maximum and sum come from one pass, the sum rescaled when the maximum grows: x is read twice instead of three times.",
      wgsl: online,
    },
    {
      name: "tree",
      adds: "64 invocations share a row, read neighbouring numbers together and join their sums in workgroup memory.",
      wgsl: tree,
    },
  ],
  engine,
};
