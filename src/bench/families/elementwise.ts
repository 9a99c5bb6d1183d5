import naive from "../../../shaders/bench/elementwise-naive.wgsl";
import strips from "../../../shaders/bench/elementwise-strips.wgsl";
import vectors from "../../../shaders/bench/elementwise-vectors.wgsl";
import * as BINARY from "../../kernels/elementwise/binary-functions.ts";
import { binary } from "../../kernels/elementwise/elementwise.ts";
import { engineCandidates } from "../engine.ts";
import type { Family, Sizes } from "../family.ts";
import type { Candidate, Problem } from "../problem.ts";
import { bytesOf, floats } from "../values.ts";

/** Sums of two numbers, each rounded once: there is no error to allow. */
export function additionProblem(N: number): Problem {
  const [a, b] = [floats("a", [N], 1), floats("b", [N], 2)];
  return {
    inputs: [a, b],
    results: [
      {
        name: "y",
        shape: [N],
        tolerance: 0,
        expected: (i) => ({ value: Math.fround(a.values[i] + b.values[i]), scale: 0 }),
      },
    ],
    operations: N,
    bytes: bytesOf([N], [N], [N]),
  };
}

const engine = (_sizes: Sizes): Candidate[] =>
  engineCandidates("elementwise", {
    name: "engine",
    adds: "The engine's own kernel for any function of two numbers, of any types, with scalars and broadcast shapes.",
    prepare:
      ({ a, b }) =>
      () => [binary("add", a, b, BINARY.add)],
  });

export const elementwise: Family = {
  name: "elementwise",
  computes: "y = a + b for a and b [N]",
  dimensions: ["N"],
  sizeForms: "N",
  defaultSize: { software: "4194304", hardware: "33554432" },
  tinySize: "1037",
  expand: (numbers) => (numbers.length === 1 ? numbers : undefined),
  shapes: ({ N }) => ({ a: [N], b: [N], y: [N] }),
  problem: ({ N }) => additionProblem(N),
  contract: ({ N }) => ({ reads: ["a", "b"], writes: ["y"], params: { N: "u32" }, values: { N } }),
  rungs: [
    { name: "naive", adds: "One invocation adds one pair of numbers.", wgsl: naive },
    { name: "vectors", adds: "An invocation adds four pairs, read and written as one vector each.", wgsl: vectors },
    {
      name: "strips",
      adds: "An invocation adds four vectors that lie a workgroup apart: fewer invocations start.",
      wgsl: strips,
    },
  ],
  engine,
};
