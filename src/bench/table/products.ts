import { matmul } from "../../autograd/index.ts";
import { dotProduct } from "../families/matmul.ts";
import type { Problem } from "../problem.ts";
import { bytesOf, floats, HALF_TOLERANCE, halves, sumTolerance } from "../values.ts";
import { type OpRow, opRows } from "./op-row.ts";

/** Products of `batch` matrices [M, K] and [K, N]; without a batch axis when there is one. */
interface Lengths {
  batch?: number;
  M: number;
  K: number;
  N: number;
  /** How both operands are stored, and so their gradients: f32 where nothing is said. The product itself is f32. */
  stored?: "f16";
}

const shapesOf = ({ batch, M, K, N }: Lengths) => {
  const axes = batch === undefined ? [] : [batch];
  return { a: [...axes, M, K], b: [...axes, K, N], c: [...axes, M, N] };
};

function operandsOf(lengths: Lengths) {
  const make = lengths.stored === "f16" ? halves : floats;
  const { a, b } = shapesOf(lengths);
  return [make("a", a, 1), make("b", b, 2)] as const;
}

function forward(lengths: Lengths): Problem {
  const { batch = 1, M, K, N } = lengths;
  const shapes = shapesOf(lengths);
  const [a, b] = operandsOf(lengths);
  return {
    inputs: [a, b],
    results: [
      {
        name: "c",
        shape: shapes.c,
        tolerance: sumTolerance(K),
        expected: (position) => {
          const [i, row, column] = [Math.floor(position / M / N), Math.floor(position / N) % M, position % N];
          return dotProduct([a.values, (i * M + row) * K, 1], [b.values, i * K * N + column, N], K);
        },
      },
    ],
    operations: 2 * batch * M * K * N,
    bytes: bytesOf(shapes.a, shapes.b, shapes.c),
  };
}

function backward(lengths: Lengths): Problem {
  const { M, K, N, stored } = lengths;
  const shapes = shapesOf(lengths);
  const [a, b] = operandsOf(lengths);
  const g = floats("g", shapes.c, 3);
  const rounding = stored === "f16" ? HALF_TOLERANCE : 0;
  return {
    inputs: [a, b, g],
    results: [
      {
        name: "a's gradient",
        shape: shapes.a,
        tolerance: sumTolerance(N) + rounding,
        expected: (position) => {
          const [row, k] = [Math.floor(position / K), position % K];
          return dotProduct([g.values, row * N, 1], [b.values, k * N, 1], N);
        },
      },
      {
        name: "b's gradient",
        shape: shapes.b,
        tolerance: sumTolerance(M) + rounding,
        expected: (position) => {
          const [k, column] = [Math.floor(position / N), position % N];
          return dotProduct([a.values, k, K], [g.values, column, N], M);
        },
      },
    ],
    operations: 4 * M * K * N,
    bytes: bytesOf(shapes.a, shapes.b, shapes.c, shapes.a, shapes.b),
  };
}

/** A product, forward and, if asked for, backward. */
export const product = (id: string, title: string, lengths: Lengths, hasBackward: boolean): OpRow[] =>
  opRows(id, title, ["a", "b"], (a, b) => matmul(a, b), {
    forward: () => forward(lengths),
    backward: hasBackward ? () => backward(lengths) : undefined,
  });

export const PRODUCTS: readonly OpRow[] = [
  ...product("matmul-1024", "matmul 1024 × 1024 × 1024", { M: 1024, K: 1024, N: 1024 }, true),
  ...product("matmul-512x768x3072", "matmul 512 × 768 × 3072", { M: 512, K: 768, N: 3072 }, true),
  ...product("matmul-128x768x50257", "matmul 128 × 768 × 50257", { M: 128, K: 768, N: 50257 }, false),
  ...product("batched-matmul-12x256x64x256", "12 products 256 × 64 × 256", { batch: 12, M: 256, K: 64, N: 256 }, false),
];
