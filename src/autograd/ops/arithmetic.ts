import { type BinaryName, binary, unary } from "../../kernels/elementwise.ts";
import { requireFloat } from "../../kernels/launch.ts";
import { broadcastShapes, type DType, formatShape, type Shape, type Tensor } from "../../tensor/index.ts";
import { defineOp, type Op, type Sample, type Spec } from "../define-op.ts";
import { sumTo } from "./broadcast.ts";

/** A tensor or a number; at least one operand of an op is a tensor. */
export type Operand = Tensor | number;

export function inferBroadcast(op: string, [a, b]: readonly Tensor[]): Spec {
  if (a.dtype !== b.dtype) {
    throw new Error(
      `${op}: types ${a.dtype}${formatShape(a.shape)} and ${b.dtype}${formatShape(b.shape)} differ; cast one`,
    );
  }
  return { shape: broadcastShapes(op, a.shape, b.shape), dtype: a.dtype };
}

/** Same shapes, tile edges, scalars, broadcasting on either side, an empty axis. */
export const binarySamples = (low: number, high: number, bLow = low, bHigh = high): Sample<Record<string, never>>[] =>
  (
    [
      [
        [2, 3],
        [2, 3],
      ],
      [[65], [65]],
      [
        [4, 1, 3],
        [5, 1],
      ],
      [[], [63]],
      [[3, 64], [64]],
      [[0, 3], [3]],
    ] as [Shape, Shape][]
  ).map(([a, b]) => ({
    inputs: [
      { shape: a, low, high },
      { shape: b, low: bLow, high: bHigh },
    ],
    attributes: {},
  }));

const elementwise = (op: BinaryName) => (inputs: readonly Tensor[]) => binary(op, inputs[0], inputs[1], op);

/** y = a + b, with NumPy's broadcasting. */
export const addOp = defineOp({
  name: "add",
  infer: (inputs) => inferBroadcast("add", inputs),
  forward: elementwise("add"),
  vjp: (g, _saved, { inputs: [a, b] }) => [() => sumTo(g, a.shape), () => sumTo(g, b.shape)],
  samples: () => binarySamples(-2, 2),
});

/** y = a − b. */
export const subOp = defineOp({
  name: "sub",
  infer: (inputs) => inferBroadcast("sub", inputs),
  forward: elementwise("sub"),
  vjp: (g, _saved, { inputs: [a, b] }) => [() => sumTo(g, a.shape), () => sumTo(neg(g), b.shape)],
  samples: () => binarySamples(-2, 2),
});

/** y = a · b, element by element. */
export const mulOp = defineOp({
  name: "mul",
  infer: (inputs) => inferBroadcast("mul", inputs),
  forward: elementwise("mul"),
  save: ([a, b]) => [a, b],
  vjp: (g, [a, b], { inputs }) => [() => sumTo(mul(g, b), inputs[0].shape), () => sumTo(mul(g, a), inputs[1].shape)],
  samples: () => binarySamples(-2, 2),
});

/** y = a / b. */
export const divOp = defineOp({
  name: "div",
  infer: (inputs) => inferBroadcast("div", inputs),
  forward: elementwise("div"),
  save: ([a, b]) => [a, b],
  vjp: (g, [a, b], { inputs }) => [
    () => sumTo(div(g, b), inputs[0].shape),
    () => sumTo(neg(div(mul(g, a), mul(b, b))), inputs[1].shape),
  ],
  samples: () => binarySamples(-2, 2, 0.5, 2),
});

/** y = scale · x + shift, with numbers that are no tensors. */
export const affineOp = defineOp<{ scale: number; shift: number }>({
  name: "affine",
  infer: ([x]) => {
    requireFloat("affine", x);
    return x;
  },
  forward: ([x], { scale, shift }) => unary("affine", x, "affine", scale, shift),
  vjp: (g, _saved, { attributes: { scale } }) => [() => affine(g, scale, 0)],
  samples: () => [
    { inputs: [{ shape: [3, 5], low: -2, high: 2 }], attributes: { scale: -1.5, shift: 0.25 } },
    { inputs: [{ shape: [], low: -2, high: 2 }], attributes: { scale: 2, shift: 0 } },
  ],
});

export const affine = (x: Tensor, scale: number, shift: number): Tensor => affineOp([x], { scale, shift });
export const neg = (x: Tensor): Tensor => affine(x, -1, 0);

/** a + b. */
export function add(a: Operand, b: Operand): Tensor {
  if (typeof b === "number") return affine(asTensor("add", a), 1, b);
  return typeof a === "number" ? affine(b, 1, a) : addOp([a, b], {});
}

/** a − b. */
export function sub(a: Operand, b: Operand): Tensor {
  if (typeof b === "number") return affine(asTensor("sub", a), 1, -b);
  return typeof a === "number" ? affine(b, -1, a) : subOp([a, b], {});
}

/** a · b. */
export function mul(a: Operand, b: Operand): Tensor {
  if (typeof b === "number") return affine(asTensor("mul", a), b, 0);
  return typeof a === "number" ? affine(b, a, 0) : mulOp([a, b], {});
}

/** a / b by a tensor; division by a number multiplies by its reciprocal. */
export function div(a: Tensor, b: Operand): Tensor {
  return typeof b === "number" ? affine(a, 1 / b, 0) : divOp([a, b], {});
}

function asTensor(op: string, operand: Operand): Tensor {
  if (typeof operand === "number") throw new Error(`${op}: at least one operand must be a tensor`);
  return operand;
}

const comparison = (name: "equal" | "notEqual" | "less" | "greater"): Op<Record<string, never>> =>
  defineOp({
    name,
    infer: (inputs) => ({ shape: inferBroadcast(name, inputs).shape, dtype: "bool" as DType }),
    forward: elementwise(name),
    samples: () =>
      binarySamples(0, 3).map((sample) => ({
        ...sample,
        inputs: sample.inputs.map((input) => ({ ...input, dtype: "i32" as DType })),
      })),
  });

/** Element-wise comparisons; the result is bool. */
export const equalOp = comparison("equal");
export const notEqualOp = comparison("notEqual");
export const lessOp = comparison("less");
export const greaterOp = comparison("greater");
export const equal = (a: Tensor, b: Tensor): Tensor => equalOp([a, b], {});
export const notEqual = (a: Tensor, b: Tensor): Tensor => notEqualOp([a, b], {});
export const less = (a: Tensor, b: Tensor): Tensor => lessOp([a, b], {});
export const greater = (a: Tensor, b: Tensor): Tensor => greaterOp([a, b], {});
