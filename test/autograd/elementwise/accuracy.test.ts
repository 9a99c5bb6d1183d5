import { afterAll, describe, expect, it } from "vitest";
import {
  cos,
  div,
  elu,
  erf,
  exp,
  expm1,
  gelu,
  log,
  log1p,
  pow,
  reciprocal,
  rsqrt,
  sigmoid,
  silu,
  sin,
  softplus,
  sqrt,
  tanh,
} from "../../../src/autograd/index.ts";
import { type Tensor, tensor, tidy } from "../../../src/tensor/index.ts";
import { erf as erfExactly, normalDistribution } from "../../reference/special-functions.ts";
import { useGpu } from "../../support/gpu.ts";
import { errorInUnits, floatsBetween, floatsOfEveryMagnitude } from "../../support/ulp.ts";
import { seeded } from "../../support/values.ts";

interface Measured {
  run: (x: Tensor, y: Tensor) => Tensor;
  exactly: (...values: number[]) => number;
  /** Where most of the points lie; the others are floats of every magnitude. A pair of ranges for two operands. */
  between: readonly [number, number] | readonly [readonly [number, number], readonly [number, number]];
  /** Results below it are not compared: they are made from numbers that an adapter may flush to 0. */
  smallest?: number;
  /** The largest error in units in the last place, as it was measured on lavapipe and on SwiftShader. A rise fails. */
  units: readonly [number, number];
}

const geluTanhExactly = (x: number): number =>
  x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

// The kernels use no function of the adapter but √ and division, so that most figures agree. Lavapipe's compiler puts
// some sums in another order.
const OPS: Record<string, Measured> = {
  exp: { run: exp, exactly: Math.exp, between: [-90, 90], units: [0.91, 0.91] },
  expm1: { run: expm1, exactly: Math.expm1, between: [-3, 3], units: [1.45, 1.45] },
  log: { run: log, exactly: Math.log, between: [0.3, 3], units: [0.76, 0.76] },
  log1p: { run: log1p, exactly: Math.log1p, between: [-1, 3], units: [1.62, 1.19] },
  sqrt: { run: sqrt, exactly: Math.sqrt, between: [0, 10], units: [0.5, 0.5] },
  rsqrt: { run: rsqrt, exactly: (x) => 1 / Math.sqrt(x), between: [0, 10], units: [1.42, 1.42] },
  reciprocal: { run: reciprocal, exactly: (x) => 1 / x, between: [-10, 10], units: [0.5, 0.5] },
  sin: { run: sin, exactly: Math.sin, between: [-100, 100], units: [2.16, 2.16] },
  cos: { run: cos, exactly: Math.cos, between: [-100, 100], units: [2.16, 2.16] },
  tanh: { run: tanh, exactly: Math.tanh, between: [-9, 9], units: [2.43, 2.43] },
  sigmoid: { run: sigmoid, exactly: (x) => 1 / (1 + Math.exp(-x)), between: [-20, 20], units: [2.01, 2.01] },
  silu: { run: silu, exactly: (x) => x / (1 + Math.exp(-x)), between: [-20, 20], smallest: 1e-36, units: [2.79, 2.79] },
  softplus: {
    run: (x) => softplus(x),
    exactly: (x) => (x > 20 ? x : Math.log1p(Math.exp(x))),
    between: [-20, 20],
    units: [2.08, 1.71],
  },
  elu: { run: (x) => elu(x), exactly: (x) => (x > 0 ? x : Math.expm1(x)), between: [-5, 5], units: [0.75, 0.75] },
  erf: { run: erf, exactly: erfExactly, between: [-5, 5], smallest: 1e-36, units: [1.57, 1.57] },
  gelu: {
    run: (x) => gelu(x),
    exactly: (x) => x * normalDistribution(x),
    between: [-14, 14],
    smallest: 1e-36,
    units: [4.2, 4.2],
  },
  "gelu, tanh form": {
    run: (x) => gelu(x, { approximate: "tanh" }),
    exactly: geluTanhExactly,
    between: [-11, 11],
    smallest: 1e-36,
    units: [1.97, 1.97],
  },
  div: {
    run: div,
    exactly: (a, b) => a / b,
    between: [
      [-9, 9],
      [-2, 2],
    ],
    units: [0.5, 0.5],
  },
  pow: {
    run: pow,
    exactly: (a, b) => a ** b,
    between: [
      [0.01, 40],
      [-20, 20],
    ],
    smallest: 1e-36,
    units: [1.04, 1.04],
  },
  "pow, whole": {
    run: pow,
    exactly: (a, b) => Math.round(a) ** Math.round(b),
    between: [
      [-20, 20],
      [-6, 9],
    ],
    units: [0.86, 0.86],
  },
};

const POINTS = 30_000;

/** The operands at which an op is measured; `whole` numbers where its title says so. */
function pointsOf(title: string, { between }: Measured): Float32Array[] {
  if (typeof between[0] === "number") {
    const [low, high] = between as readonly [number, number];
    return [Float32Array.of(...floatsOfEveryMagnitude(65_521), ...floatsBetween(low, high, POINTS))];
  }
  const random = seeded(5);
  const round = title.includes("whole") ? Math.round : (x: number) => x;
  return (between as readonly (readonly [number, number])[]).map(([low, high]) =>
    Float32Array.from({ length: POINTS }, () => round(low + (high - low) * random())),
  );
}

/** A GPU's quotients and roots may be off by some units themselves. */
function allowed(adapter: string, [lavapipe, swiftShader]: readonly [number, number]): number {
  if (adapter.startsWith("lavapipe")) return lavapipe;
  return adapter.startsWith("SwiftShader") ? swiftShader : lavapipe + 5;
}

const measured: Record<string, Record<string, string>> = {};

describe.each([{ title: "the system's adapter" }, { title: "SwiftShader", software: true }])(
  "accuracy on $title",
  ({ software }) => {
    const gpu = useGpu({ software });

    it.each(Object.entries(OPS))("%s", async (title, op) => {
      gpu().use();
      const points = pointsOf(title, op);
      const y = tidy(() => {
        const [a, b = a] = points.map((values) => tensor(values, [values.length]));
        return op.run(a, b);
      });
      const values = await y.data();
      y.dispose();
      let [worst, place] = [0, 0];
      for (let i = 0; i < values.length; i++) {
        const error = errorInUnits(values[i], op.exactly(...points.map((operand) => operand[i])), op.smallest);
        if (error > worst) [worst, place] = [error, i];
      }
      const at = points.map((operand) => operand[place]);
      measured[title] = { ...measured[title], [gpu().adapter.name]: worst.toFixed(2) };
      expect(worst, `at ${at.join(", ")}: ${values[place]} instead of ${op.exactly(...at)}`).toBeLessThanOrEqual(
        allowed(gpu().adapter.name, op.units),
      );
    });
  },
);

afterAll(() => {
  const adapters = [...new Set(Object.values(measured).flatMap(Object.keys))];
  const lines = Object.entries(measured).map(([title, worst]) =>
    [title.padEnd(18), ...adapters.map((name) => (worst[name] ?? "").padStart(12))].join(""),
  );
  const heads = adapters.map((name) => name.split(" ")[0].padStart(12));
  console.log(["Largest errors in units in the last place", `${" ".repeat(18)}${heads.join("")}`, ...lines].join("\n"));
});
