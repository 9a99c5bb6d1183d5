import { beforeAll, describe, expect, it } from "vitest";
import * as graft from "../../../src/autograd/index.ts";
import { backward, noGrad } from "../../../src/autograd/index.ts";
import { type Tensor, tensor } from "../../../src/tensor/index.ts";
import { erf, normalDistribution } from "../../reference/special-functions.ts";
import { flushesDenormals, isDenormal } from "../../support/denormals.ts";
import { useGpu } from "../../support/gpu.ts";
import { errorInUnits } from "../../support/ulp.ts";

const f32 = Math.fround;
const DENORMAL = f32(1e-40);
/** NaN, both infinities and zeros, denormal numbers, halves, and the ends of the range of floats. */
const VALUES = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  DENORMAL,
  -DENORMAL,
  f32(1.1e-38),
  2 ** -126,
  0.5,
  -0.5,
  1,
  -1,
  1.5,
  2.5,
  -2.5,
  3,
  -3,
  100.25,
  -100.25,
  f32(3e38),
  f32(-3e38),
];

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function roundHalfToEven(x: number): number {
  if (!Number.isFinite(x) || Number.isInteger(x)) return x;
  const even = 2 * Math.round(x / 2);
  const rounded = Math.abs(x - even) === 1 || Math.abs(x % 1) !== 0.5 ? Math.round(x) : even;
  return rounded === 0 ? Math.sign(x) * 0 : rounded;
}

interface UnaryCase {
  run: (x: Tensor) => Tensor;
  exactly: (x: number) => number;
  /** Bits of the result, also of denormal numbers, or the sign of zeros, NaN, infinity and a few units otherwise. */
  within: "bits" | "units";
  /** Gradient where the incoming one is 1, as PyTorch defines it. */
  gradient?: (x: number) => number;
}

const bits = (run: UnaryCase["run"], exactly: UnaryCase["exactly"], gradient?: UnaryCase["gradient"]): UnaryCase => ({
  run,
  exactly,
  within: "bits",
  gradient,
});
const units = (run: UnaryCase["run"], exactly: UnaryCase["exactly"]): UnaryCase => ({ run, exactly, within: "units" });

const UNARY: Record<string, UnaryCase> = {
  neg: bits(
    graft.neg,
    (x) => -x,
    () => -1,
  ),
  abs: bits(graft.abs, Math.abs, (x) => Math.sign(x) || 0),
  // Of NaN 0, as in PyTorch.
  sign: bits(
    graft.sign,
    (x) => (Number.isNaN(x) ? 0 : Math.sign(x)),
    () => 0,
  ),
  relu: bits(
    graft.relu,
    (x) => Math.max(x, 0),
    (x) => (x <= 0 ? 0 : 1),
  ),
  floor: bits(graft.floor, Math.floor, () => 0),
  ceil: bits(graft.ceil, Math.ceil, () => 0),
  round: bits(graft.round, roundHalfToEven, () => 0),
  "clamp to [-1, 2.5]": bits(
    (x) => graft.clamp(x, -1, 2.5),
    (x) => Math.min(Math.max(x, -1), 2.5),
    (x) => Number(x >= -1 && x <= 2.5),
  ),
  "clamp from 0": bits(
    (x) => graft.clamp(x, 0),
    (x) => Math.max(x, 0),
    (x) => Number(x >= 0),
  ),
  isNaN: bits(graft.isNaN, (x) => Number(Number.isNaN(x))),
  isFinite: bits(graft.isFinite, (x) => Number(Number.isFinite(x))),
  isInfinite: bits(graft.isInfinite, (x) => Number(Math.abs(x) === Number.POSITIVE_INFINITY)),
  logicalNot: bits(graft.logicalNot, (x) => Number(x === 0)),
  "cast to bool": bits(
    (x) => graft.cast(x, "bool"),
    (x) => Number(x !== 0),
  ),
  "cast to i32": bits(
    (x) => graft.cast(x, "i32"),
    (x) => Math.min(Math.max(Math.trunc(Number.isNaN(x) ? 0 : x), -(2 ** 31)), 2 ** 31 - 1) + 0,
  ),
  "cast to u32": bits(
    (x) => graft.cast(x, "u32"),
    (x) => Math.min(Math.max(Math.trunc(Number.isNaN(x) ? 0 : x), 0), 2 ** 32 - 1) + 0,
  ),
  square: units(graft.square, (x) => x * x),
  sqrt: units(graft.sqrt, Math.sqrt),
  rsqrt: units(graft.rsqrt, (x) => 1 / Math.sqrt(x)),
  reciprocal: units(graft.reciprocal, (x) => 1 / x),
  exp: units(graft.exp, Math.exp),
  expm1: units(graft.expm1, Math.expm1),
  log: units(graft.log, Math.log),
  log1p: units(graft.log1p, Math.log1p),
  sin: units(graft.sin, Math.sin),
  cos: units(graft.cos, Math.cos),
  tanh: units(graft.tanh, Math.tanh),
  sigmoid: units(graft.sigmoid, sigmoid),
  erf: units(graft.erf, erf),
  leakyRelu: units(
    (x) => graft.leakyRelu(x, 0.25),
    (x) => (x > 0 ? x : 0.25 * x),
  ),
  elu: units(
    (x) => graft.elu(x, 2),
    (x) => (x > 0 ? x : 2 * Math.expm1(x)),
  ),
  silu: units(graft.silu, (x) => x * sigmoid(x)),
  softplus: units(
    (x) => graft.softplus(x),
    (x) => (x > 20 ? x : Math.log1p(Math.exp(x))),
  ),
  gelu: units(
    (x) => graft.gelu(x),
    (x) => x * normalDistribution(x),
  ),
  "gelu, tanh form": units(
    (x) => graft.gelu(x, { approximate: "tanh" }),
    (x) => x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)),
  ),
};

/** C99's pow, in which 1 to any power is 1. */
const power = (a: number, b: number): number =>
  a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b;

interface BinaryCase {
  run: (a: Tensor | number, b: Tensor | number) => Tensor;
  exactly: (a: number, b: number) => number;
  within: "bits" | "units";
  /** Gradients of a and b where the incoming one is 1, as PyTorch defines them. */
  gradients?: (a: number, b: number) => [number, number];
}

/** The share of the operand that wins, half for each of two equal ones, all for both with NaN. */
const share = (own: number, other: number, wins: boolean): number =>
  own === other ? 0.5 : wins || Number.isNaN(own) || Number.isNaN(other) ? 1 : 0;

const BINARY: Record<string, BinaryCase> = {
  add: { run: graft.add, exactly: (a, b) => a + b, within: "units" },
  sub: { run: graft.sub, exactly: (a, b) => a - b, within: "units" },
  mul: { run: graft.mul, exactly: (a, b) => a * b, within: "units" },
  div: { run: graft.div, exactly: (a, b) => a / b, within: "units" },
  pow: { run: graft.pow, exactly: power, within: "units" },
  maximum: {
    run: graft.maximum,
    exactly: Math.max,
    within: "bits",
    gradients: (a, b) => [share(a, b, a > b), share(b, a, b > a)],
  },
  minimum: {
    run: graft.minimum,
    exactly: Math.min,
    within: "bits",
    gradients: (a, b) => [share(a, b, a < b), share(b, a, b < a)],
  },
  equal: { run: graft.equal, exactly: (a, b) => Number(a === b), within: "bits" },
  notEqual: { run: graft.notEqual, exactly: (a, b) => Number(a !== b), within: "bits" },
  less: { run: graft.less, exactly: (a, b) => Number(a < b), within: "bits" },
  lessEqual: { run: graft.lessEqual, exactly: (a, b) => Number(a <= b), within: "bits" },
  greater: { run: graft.greater, exactly: (a, b) => Number(a > b), within: "bits" },
  greaterEqual: { run: graft.greaterEqual, exactly: (a, b) => Number(a >= b), within: "bits" },
  logicalAnd: { run: graft.logicalAnd, exactly: (a, b) => Number(a !== 0 && b !== 0), within: "bits" },
  logicalOr: { run: graft.logicalOr, exactly: (a, b) => Number(a !== 0 || b !== 0), within: "bits" },
  logicalXor: { run: graft.logicalXor, exactly: (a, b) => Number((a !== 0) !== (b !== 0)), within: "bits" },
};

const shown = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));

/** Whether a result is what it should be; where denormal numbers are flushed, ops that calculate may see 0 for them. */
function agrees(actual: number, exact: number, within: "bits" | "units", mayBeFlushed: readonly number[]): boolean {
  // A cast gives whole numbers that are no floats.
  if (within === "bits") return Object.is(actual, f32(exact)) || Object.is(actual, exact);
  const rounded = f32(exact);
  return [rounded, ...mayBeFlushed.map(f32)].some((wanted) => {
    if (Object.is(actual, wanted)) return true;
    if (wanted === 0 || actual === 0)
      return Math.abs(wanted) < 2 ** -126 && Math.abs(actual) < 2 ** -126 && wanted !== actual;
    return errorInUnits(actual, wanted) <= 5;
  });
}

describe.each([{ title: "the system's adapter" }, { title: "SwiftShader", software: true }])(
  "special values on $title",
  ({ software }) => {
    const gpu = useGpu({ software });
    let flushes = false;

    beforeAll(async () => {
      flushes = await flushesDenormals(gpu());
      console.log(`${gpu().adapter.name} ${flushes ? "takes denormal numbers for 0" : "keeps denormal numbers"}`);
    });

    /** What an op may also give: its value for zeros in the place of denormal numbers. */
    const flushed = (exactly: (...values: number[]) => number, ...values: number[]): number[] => {
      return flushes && values.some(isDenormal)
        ? [exactly(...values.map((x) => (isDenormal(x) ? Math.sign(x) * 0 : x)))]
        : [];
    };

    it.each(Object.entries(UNARY))("%s", async (_title, { run, exactly, within, gradient }) => {
      gpu().use();
      const x = tensor(VALUES);
      x.requiresGrad = gradient !== undefined;
      const y = run(x);
      const actual = await y.data();
      VALUES.forEach((value, i) => {
        const message = `of ${shown(value)} is ${shown(actual[i])}, not ${shown(exactly(value))}`;
        expect(agrees(actual[i], exactly(value), within, flushed(exactly, value)), message).toBe(true);
      });
      if (gradient) {
        const ones = tensor(VALUES.map(() => 1));
        const gradients = backward(y, { gradient: ones });
        const own = await gradients.get(x)!.data();
        expect([...own].map((g) => g + 0)).toEqual(VALUES.map((value) => gradient(value) + 0));
        for (const t of [ones, gradients]) t.dispose();
      }
      for (const t of [x, y]) t.dispose();
    });

    const pairs = VALUES.flatMap((a) => VALUES.map((b) => [a, b] as const));

    it.each(Object.entries(BINARY))("%s", async (_title, { run, exactly, within, gradients }) => {
      gpu().use();
      const [a, b] = [0, 1].map((side) => tensor(pairs.map((pair) => pair[side])));
      for (const x of [a, b]) x.requiresGrad = gradients !== undefined;
      const y = run(a, b);
      const actual = await y.data();
      pairs.forEach(([left, right], i) => {
        const exact = exactly(left, right);
        const message = `of ${shown(left)} and ${shown(right)} is ${shown(actual[i])}, not ${shown(exact)}`;
        expect(agrees(actual[i], exact, within, flushed(exactly, left, right)), message).toBe(true);
      });
      if (gradients) {
        const ones = tensor(pairs.map(() => 1));
        const grads = backward(y, { gradient: ones });
        const own = await Promise.all([a, b].map((x) => grads.get(x)!.data()));
        pairs.forEach(([left, right], i) => {
          expect([own[0][i], own[1][i]], `of ${shown(left)} and ${shown(right)}`).toEqual(gradients(left, right));
        });
        for (const t of [ones, grads]) t.dispose();
      }
      for (const t of [a, b, y]) t.dispose();
    });

    it.each(Object.entries(BINARY))("%s of a number and a tensor", async (_title, { run, exactly, within }) => {
      gpu().use();
      const x = tensor(VALUES);
      const numbers = VALUES.filter((value) => value === 0 || !(Math.abs(value) < 2 ** -126));
      const results = numbers.flatMap((number) => noGrad(() => [run(number, x), run(x, number)]));
      const values = await Promise.all(results.map((y) => y.data()));
      numbers.forEach((number, k) => {
        VALUES.forEach((value, i) => {
          [
            [number, value],
            [value, number],
          ].forEach(([a, b], side) => {
            const actual = values[2 * k + side][i];
            const message = `of ${shown(a)} and ${shown(b)} is ${shown(actual)}, not ${shown(exactly(a, b))}`;
            expect(agrees(actual, exactly(a, b), within, flushed(exactly, a, b)), message).toBe(true);
          });
        });
      });
      for (const t of [x, ...results]) t.dispose();
    });

    it("where takes whatever is chosen, bit by bit, and no gradient from what is not", async () => {
      gpu().use();
      const words = Uint32Array.of(0x7fc12345, 0xff812345, 0x80000000, 1, 0x7f800000, 0x3f800000);
      const x = tensor(new Float32Array(words.buffer));
      const holds = tensor([1, 1, 1, 1, 1, 0], [6], { dtype: "bool" });
      x.requiresGrad = true;
      const y = graft.where(holds, x, Number.NaN);
      const chosen = await y.data();
      expect([...new Uint32Array(chosen.buffer, chosen.byteOffset, 5)]).toEqual([...words.subarray(0, 5)]);
      expect(chosen[5]).toBeNaN();
      const filled = graft.maskedFill(x, holds, Number.NEGATIVE_INFINITY);
      expect([...(await filled.data())]).toEqual([...new Array(5).fill(Number.NEGATIVE_INFINITY), 1]);
      const cotangent = tensor([1, 2, 3, 4, 5, Number.NaN]);
      const gradients = backward(y, { gradient: cotangent });
      expect([...(await gradients.get(x)!.data())]).toEqual([1, 2, 3, 4, 5, 0]);
      for (const t of [x, holds, y, filled, cotangent, gradients]) t.dispose();
    });
  },
);
