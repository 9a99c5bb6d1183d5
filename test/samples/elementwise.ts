import type { OpName } from "../../src/autograd/index.ts";
import type { DType, Shape } from "../../src/tensor/index.ts";
import type { SampleInput, SamplesOf } from "./sample.ts";

interface Range {
  low: number;
  high: number;
  dtype?: DType;
}

/** A tile edge with odd strides, a scalar, an empty tensor. */
const one = (low: number, high: number, dtype?: DType) =>
  [[3, 1, 65], [], [0]].map((shape) => ({ inputs: [{ shape, low, high, dtype }], attributes: {} }));

/** A tile edge, broadcasting on both sides, an empty axis, and a number on either side. */
const two = (a: Range, b: Range = a) => {
  const left = (...shape: number[]): SampleInput => ({ shape, ...a });
  const right = (...shape: number[]): SampleInput => ({ shape, ...b });
  const middle = a.dtype ? Math.floor((b.low + b.high) / 2) : (b.low + b.high) / 2;
  return [
    { inputs: [left(65), right(65)], attributes: {} },
    { inputs: [left(4, 1, 3), right(5, 1)], attributes: {} },
    { inputs: [left(0, 3), right(3)], attributes: {} },
    { inputs: [left(2, 3)], attributes: { right: middle } },
    { inputs: [right()], attributes: { left: a.dtype ? a.low : (a.low + a.high) / 3 } },
  ];
};

const plain = two({ low: -2, high: 2 });
const whole = two({ low: 0, high: 3, dtype: "i32" });
const compared = [...whole, { inputs: [{ shape: [9], low: -2, high: 2 }], attributes: { right: 0.25 } }];
const condition = (...shape: Shape): SampleInput => ({ shape, low: 0, high: 2, dtype: "bool" });

/** Functions of elements. */
export const elementwiseSamples = {
  add: plain,
  sub: plain,
  mul: plain,
  div: two({ low: -2, high: 2 }, { low: 0.5, high: 2 }),
  affine: [
    { inputs: [{ shape: [3, 5], low: -2, high: 2 }], attributes: { scale: -1.5, shift: 0.25 } },
    { inputs: [{ shape: [], low: -2, high: 2 }], attributes: { scale: 2, shift: 0 } },
  ],
  pow: [
    ...two({ low: 0.2, high: 3 }, { low: -2, high: 2 }),
    { inputs: [{ shape: [7], low: -4, high: 5, dtype: "i32" }], attributes: { right: 3 } },
  ],
  maximum: plain,
  minimum: plain,
  neg: [
    { inputs: [{ shape: [3, 65], low: -2, high: 2 }], attributes: {} },
    { inputs: [{ shape: [7], low: -5, high: 5, dtype: "i32" }], attributes: {} },
  ],
  abs: one(-2, 2),
  sign: one(-2, 2),
  square: one(-2, 2),
  relu: one(-2, 2),
  sqrt: one(0.1, 4),
  rsqrt: one(0.1, 4),
  log: one(0.1, 4),
  log1p: one(-0.9, 4),
  reciprocal: one(0.3, 3),
  exp: one(-3, 3),
  expm1: one(-3, 3),
  tanh: one(-3, 3),
  erf: one(-3, 3),
  sin: one(-4, 4),
  cos: one(-4, 4),
  sigmoid: one(-4, 4),
  silu: one(-4, 4),
  leakyRelu: [{ inputs: [{ shape: [3, 1, 65], low: -2, high: 2 }], attributes: { slope: 0.01 } }],
  elu: [{ inputs: [{ shape: [3, 1, 65], low: -2, high: 2 }], attributes: { alpha: 0.75 } }],
  softplus: [{ inputs: [{ shape: [3, 1, 65], low: -4, high: 4 }], attributes: { beta: 1.5, threshold: 20 } }],
  gelu: [
    { inputs: [{ shape: [3, 1, 65], low: -4, high: 4 }], attributes: { approximate: "none" } },
    { inputs: [{ shape: [65], low: -4, high: 4 }], attributes: { approximate: "tanh" } },
  ],
  clamp: [
    { inputs: [{ shape: [3, 1, 65], low: -2, high: 2 }], attributes: { minimum: -1, maximum: 0.75 } },
    { inputs: [{ shape: [] }], attributes: { minimum: 0.5, maximum: null } },
    { inputs: [{ shape: [7], low: -9, high: 9, dtype: "i32" }], attributes: { minimum: null, maximum: 3 } },
  ],
  floor: one(-9, 9),
  ceil: one(-9, 9),
  round: one(-9, 9),
  equal: compared,
  notEqual: compared,
  less: compared,
  lessEqual: compared,
  greater: compared,
  greaterEqual: compared,
  logicalAnd: whole,
  logicalOr: whole,
  logicalXor: whole,
  logicalNot: one(-2, 3, "i32"),
  where: [
    { inputs: [condition(65), { shape: [65] }, { shape: [65] }], attributes: {} },
    { inputs: [condition(4, 1), { shape: [3] }, { shape: [2, 1, 1] }], attributes: {} },
    { inputs: [condition(2, 5), { shape: [5] }], attributes: { b: -1.5 } },
    { inputs: [condition(3), { shape: [0, 3], low: -5, high: 5, dtype: "i32" }], attributes: { a: 7 } },
  ],
  isNaN: one(-2, 3),
  isFinite: one(-2, 3),
  isInfinite: one(-2, 3),
  cast: [
    { inputs: [{ shape: [3, 5], low: -4, high: 4 }], attributes: { dtype: "i32" } },
    { inputs: [{ shape: [65], low: 0, high: 3, dtype: "i32" }], attributes: { dtype: "f32" } },
    { inputs: [{ shape: [7], low: 0, high: 2, dtype: "i32" }], attributes: { dtype: "bool" } },
    { inputs: [{ shape: [6], low: 0, high: 9, dtype: "u32" }], attributes: { dtype: "f32" } },
  ],
} satisfies Partial<SamplesOf<OpName>>;
