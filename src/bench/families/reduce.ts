import naive from "../../../shaders/bench/reduce-naive.wgsl";
import strided from "../../../shaders/bench/reduce-strided.wgsl";
import tree from "../../../shaders/bench/reduce-tree.wgsl";
import { reduce as reduceTensor } from "../../kernels/reduction/reduce.ts";
import { sum } from "../../kernels/reduction/reduction-functions.ts";
import { engineCandidates } from "../engine.ts";
import type { Family, Sizes } from "../family.ts";
import type { Candidate, Operand, Problem } from "../problem.ts";
import { bytesOf, randomIndices } from "../values.ts";

/** Partial sums between two dispatches. */
const SCRATCH = 65_536;

/**
 * Whole numbers from -4 to 4: every sum of them is exact in f32 up to 2²² numbers, in whatever order they are added, so
 * that a single number left out shows.
 */
export function sumProblem(N: number): Problem {
  const values = Float32Array.from(randomIndices(N, 9, 3), (value) => value - 4);
  const x: Operand = { name: "x", shape: [N], dtype: "f32", values };
  const expected = () => {
    const value = values.reduce((sum, v) => sum + v, 0);
    return { value, scale: N <= 2 ** 22 ? 0 : N };
  };
  return {
    inputs: [x],
    results: [{ name: "y", shape: [1], tolerance: 1e-6, expected }],
    operations: N,
    bytes: bytesOf([N], [1]),
  };
}

const engine = (_sizes: Sizes): Candidate[] =>
  engineCandidates("reduction", {
    name: "engine",
    adds: "The engine's own kernel for sums along any axes: chunks of fixed lengths, so that the bits depend on the shape alone.",
    prepare:
      ({ x }) =>
      () => [reduceTensor("sum", x, sum)],
  });

export const reduce: Family = {
  name: "reduce",
  computes: "y = Σ x for x [N]",
  dimensions: ["N"],
  sizeForms: "N",
  defaultSize: { software: "4194304", hardware: "33554432" },
  tinySize: "10037",
  expand: (numbers) => (numbers.length === 1 ? numbers : undefined),
  shapes: ({ N }) => ({ x: [N], y: [1] }),
  problem: ({ N }) => sumProblem(N),
  contract: ({ N }) => ({
    reads: ["x"],
    writes: ["y"],
    params: { N: "u32", stage: "u32" },
    values: { N },
    scratch: { name: "partial", length: SCRATCH },
  }),
  rungs: [
    {
      name: "naive",
      adds: "256 invocations of one workgroup add a stretch of numbers each, and then one adds what they found.",
      wgsl: naive,
    },
    {
      name: "strided",
      adds: "4096 invocations of many workgroups add every 4096th number each: neighbours read neighbouring numbers.",
      wgsl: strided,
    },
    {
      name: "tree",
      adds: "256 workgroups of 256 join the sums of their invocations in workgroup memory, and one workgroup theirs.",
      wgsl: tree,
    },
  ],
  engine,
};
