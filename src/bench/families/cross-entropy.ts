import naive from "../../../shaders/bench/cross-entropy-naive.wgsl";
import online from "../../../shaders/bench/cross-entropy-online.wgsl";
import tree from "../../../shaders/bench/cross-entropy-tree.wgsl";
import { crossEntropy as crossEntropyLoss } from "../../autograd/index.ts";
import { engineCandidates } from "../engine.ts";
import type { Family, Sizes } from "../family.ts";
import type { Candidate, Operand, Problem } from "../problem.ts";
import { bytesOf, floats, randomIndices } from "../values.ts";

function problem({ R, C }: Sizes): Problem {
  const logits = floats("logits", [R, C], 1, 8);
  const labels: Operand = { name: "labels", shape: [R], dtype: "i32", values: randomIndices(R, C, 7) };
  return {
    inputs: [logits, labels],
    results: [
      {
        name: "y",
        shape: [R],
        tolerance: 5e-6,
        expected: (row) => {
          const own = logits.values.subarray(row * C, (row + 1) * C);
          const most = own.reduce((a, b) => Math.max(a, b));
          const sum = own.reduce((total, v) => total + Math.exp(v - most), 0);
          const value = Math.log(sum) + most - own[labels.values[row]];
          return { value, scale: Math.abs(most) + Math.abs(value) };
        },
      },
    ],
    // Largest, difference, exp and sum.
    operations: 4 * R * C,
    bytes: bytesOf([R, C], [R], [R]),
  };
}

const engine = (_sizes: Sizes): Candidate[] =>
  engineCandidates("rows", {
    name: "engine",
    adds: "The engine's own kernel: exp and log of its own, ignored labels and class weights as options, one pass.",
    prepare:
      ({ logits, labels }) =>
      () => [crossEntropyLoss(logits, labels, { reduction: "none" })],
  });

export const crossEntropy: Family = {
  name: "cross-entropy",
  computes: "y = ln Σ exp(logits) − logits[label] of each row of logits [R, C]",
  dimensions: ["R", "C"],
  sizeForms: "RxC",
  defaultSize: { software: "256x4096", hardware: "4096x8192" },
  tinySize: "13x37",
  expand: (numbers) => (numbers.length === 2 ? numbers : undefined),
  shapes: ({ R, C }) => ({ logits: [R, C], labels: [R], y: [R] }),
  problem,
  contract: ({ R, C }) => ({
    reads: ["logits", "labels"],
    writes: ["y"],
    params: { R: "u32", C: "u32" },
    values: { R, C },
  }),
  rungs: [
    { name: "naive", adds: "One invocation takes one row, in two passes over it.", wgsl: naive },
    {
      name: "online",
      adds: "Maximum and sum come from one pass, the sum rescaled when the maximum grows: logits are read once.",
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
