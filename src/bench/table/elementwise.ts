import { add, gelu, sum } from "../../autograd/index.ts";
import { additionProblem } from "../families/elementwise.ts";
import { sumProblem } from "../families/reduce.ts";
import type { Expected, Problem } from "../problem.ts";
import { bytesOf, floats } from "../values.ts";
import { forwardOf, type OpRow, opRows } from "./op-row.ts";

const MILLION = 2 ** 20;
const ROOT = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

const geluValue = (x: number): number => 0.5 * x * (1 + Math.tanh(ROOT * (x + CUBIC * x ** 3)));

function geluSlope(x: number): number {
  const t = Math.tanh(ROOT * (x + CUBIC * x ** 3));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * ROOT * (1 + 3 * CUBIC * x * x);
}

function geluProblem(shape: readonly number[], isBackward: boolean): Problem {
  const [x, g] = [floats("x", shape, 1, 3), floats("g", shape, 2)];
  const forward = (i: number): Expected => ({ value: geluValue(x.values[i]), scale: 1 + Math.abs(x.values[i]) });
  const backward = (i: number): Expected => ({
    value: g.values[i] * geluSlope(x.values[i]),
    scale: 1 + Math.abs(x.values[i]),
  });
  return {
    inputs: isBackward ? [x, g] : [x],
    results: [
      { name: isBackward ? "x's gradient" : "y", shape, tolerance: 2e-6, expected: isBackward ? backward : forward },
    ],
    operations: 0,
    bytes: isBackward ? bytesOf(shape, shape, shape) : bytesOf(shape, shape),
  };
}

const CHAIN = 1000;

/** a + b + b + …, rounded after each addition as the chain is. */
function chainProblem(): Problem {
  const [a, b] = [floats("a", [16], 1), floats("b", [16], 2)];
  const expected = (i: number): Expected => {
    let value = a.values[i];
    for (let step = 0; step < CHAIN; step++) value = Math.fround(value + b.values[i]);
    return { value, scale: 0 };
  };
  return {
    inputs: [a, b],
    results: [{ name: "y", shape: [16], tolerance: 0, expected }],
    operations: 0,
    bytes: 0,
  };
}

/** gelu of a matrix, forward and backward. */
export const geluRows = (rows: number, columns: number): OpRow[] =>
  opRows(
    `gelu-${rows}x${columns}`,
    `gelu (tanh) of ${rows} × ${columns}`,
    ["x"],
    (x) => gelu(x, { approximate: "tanh" }),
    { forward: () => geluProblem([rows, columns], false), backward: () => geluProblem([rows, columns], true) },
  );

export const ELEMENTWISE: readonly OpRow[] = [
  ...geluRows(512, 3072),
  ...opRows("add-4m", "add of 4 M numbers", ["a", "b"], (a, b) => add(a, b), {
    forward: () => additionProblem(4 * MILLION),
  }),
  ...opRows("sum-4m", "sum of 4 M numbers", ["x"], (x) => sum(x), { forward: () => sumProblem(4 * MILLION) }),
  {
    id: "tiny-adds-1000",
    title: "1000 dependent adds of 16 numbers",
    problem: chainProblem,
    candidate: forwardOf(["a", "b"], (a, b) => {
      let x = a;
      for (let i = 0; i < CHAIN; i++) x = add(x, b);
      return x;
    }),
  },
];
