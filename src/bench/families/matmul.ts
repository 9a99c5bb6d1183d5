import naive from "../../../shaders/bench/matmul-naive.wgsl";
import registers from "../../../shaders/bench/matmul-registers.wgsl";
import tiled from "../../../shaders/bench/matmul-tiled.wgsl";
import { output } from "../../kernels/launch.ts";
import { matmulInto } from "../../kernels/matmul/matmul.ts";
import { engineCandidates } from "../engine.ts";
import type { Family, Sizes } from "../family.ts";
import type { Candidate, Expected, Problem } from "../problem.ts";
import { bytesOf, floats, sumTolerance } from "../values.ts";

/** Σ a[aStart + k · aStep] · b[bStart + k · bStep] over k in double precision. */
export function dotProduct(
  [a, aStart, aStep]: readonly [Float32Array, number, number],
  [b, bStart, bStep]: readonly [Float32Array, number, number],
  length: number,
): Expected {
  let value = 0;
  let scale = 0;
  for (let k = 0; k < length; k++) {
    const term = a[aStart + k * aStep] * b[bStart + k * bStep];
    value += term;
    scale += Math.abs(term);
  }
  return { value, scale };
}

function problem({ M, K, N }: Sizes): Problem {
  const [a, b] = [floats("a", [M, K], 1), floats("b", [K, N], 2)];
  return {
    inputs: [a, b],
    results: [
      {
        name: "c",
        shape: [M, N],
        tolerance: sumTolerance(K),
        expected: (position) => {
          const [row, column] = [Math.floor(position / N), position % N];
          return dotProduct([a.values, row * K, 1], [b.values, column, N], K);
        },
      },
    ],
    operations: 2 * M * K * N,
    bytes: bytesOf([M, K], [K, N], [M, N]),
  };
}

const engine = ({ M, N }: Sizes): Candidate[] =>
  engineCandidates("matmul", {
    name: "engine",
    adds: "The engine's own kernel as it is chosen for this adapter: tiles in registers, rows passed between lanes.",
    prepare:
      ({ a, b }) =>
      () => {
        const c = output("matmul", a, [M, N]);
        matmulInto("matmul", a, b, c);
        return [c];
      },
  });

export const matmul: Family = {
  name: "matmul",
  computes: "C = A · B for A [M, K] and B [K, N]",
  dimensions: ["M", "K", "N"],
  sizeForms: "N for three equal lengths, or MxKxN",
  defaultSize: { software: "512", hardware: "4096" },
  tinySize: "21x13x35",
  expand: (numbers) => {
    if (numbers.length === 1) return [numbers[0], numbers[0], numbers[0]];
    return numbers.length === 3 ? numbers : undefined;
  },
  shapes: ({ M, K, N }) => ({ a: [M, K], b: [K, N], c: [M, N] }),
  problem,
  contract: ({ M, K, N }) => ({
    reads: ["a", "b"],
    writes: ["c"],
    params: { M: "u32", K: "u32", N: "u32" },
    values: { M, K, N },
  }),
  rungs: [
    {
      name: "naive",
      adds: "One invocation makes one element and reads a row of A and a column of B for it.",
      wgsl: naive,
    },
    {
      name: "tiled",
      adds: "16 × 16 tiles pass through workgroup memory, so that each number is read once for 16 elements.",
      wgsl: tiled,
    },
    {
      name: "registers",
      adds: "An invocation makes 4 × 4 elements in registers: each number it reads is used four times, with no barrier.",
      wgsl: registers,
    },
  ],
  engine,
};
