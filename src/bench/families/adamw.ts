import naive from "../../../shaders/bench/adamw-naive.wgsl";
import vectors from "../../../shaders/bench/adamw-vectors.wgsl";
import { adamwStep } from "../../kernels/optimizer/steps.ts";
import { singleRun } from "../../kernels/optimizer/units.ts";
import { tensor } from "../../tensor/index.ts";
import type { Family, Sizes } from "../family.ts";
import type { Candidate, Problem } from "../problem.ts";
import { bytesOf, floats, randomValues } from "../values.ts";

/** The third step of a training run. */
const STEP = { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01, step: 3 };

/** The numbers of a step as the kernels take them: differences from 1 lose digits in f32, so the host makes them. */
const FACTORS = {
  oneMinusBeta1: 1 - STEP.beta1,
  beta2: STEP.beta2,
  oneMinusBeta2: 1 - STEP.beta2,
  keep: 1 - STEP.rate * STEP.decay,
  epsilon: STEP.epsilon,
  stepSize: STEP.rate / (1 - STEP.beta1 ** STEP.step),
  rootCorrection: Math.sqrt(1 - STEP.beta2 ** STEP.step),
};

function problem({ N }: Sizes): Problem {
  const gradient = floats("gradient", [N], 1);
  const [parameter, first] = [randomValues(N, 2), randomValues(N, 3, 0.1)];
  const second = randomValues(N, 4, 0.1).map((value) => value * value);
  const { oneMinusBeta1, beta2, oneMinusBeta2, keep, epsilon, stepSize, rootCorrection } = FACTORS;
  const mean = (i: number): number => first[i] + oneMinusBeta1 * (gradient.values[i] - first[i]);
  const square = (i: number): number => beta2 * second[i] + oneMinusBeta2 * gradient.values[i] ** 2;
  const updated = (i: number): number =>
    keep * parameter[i] - (stepSize * mean(i)) / (Math.sqrt(square(i)) / rootCorrection + epsilon);
  const result = (name: string, initial: Float32Array, value: (i: number) => number, least: number) => ({
    name,
    shape: [N],
    initial,
    tolerance: 2e-6,
    expected: (i: number) => ({ value: value(i), scale: Math.abs(value(i)) + least }),
  });
  return {
    inputs: [gradient],
    results: [
      result("parameter", parameter, updated, STEP.rate),
      result("first", first, mean, 0.1),
      result("second", second, square, 0),
    ],
    // Three for the first moment, four for the second, seven for the parameter.
    operations: 14 * N,
    // Gradient, parameter and moments are read; all but the gradient are written.
    bytes: 7 * bytesOf([N]),
  };
}

const engine = (_sizes: Sizes): Candidate[] => [
  {
    name: "engine",
    adds: "The engine's own kernel, which also multiplies the gradient by a clipping factor that it reads on the GPU.",
    prepare: ({ gradient }, results, own) => {
      const scale = own(tensor([1, 0, 0], [3], { gpu: gradient.gpu }));
      const [parameter, first, second] = results;
      const run = singleRun(parameter, gradient, [first, second]);
      for (const held of [run.units, run.parameter, run.gradient, ...run.states]) own(held);
      const rates = { rate: () => STEP.rate, decay: STEP.decay, step: () => STEP.step };
      return () => {
        adamwStep(run, scale, [rates], STEP);
        return [parameter, first, second];
      };
    },
  },
];

export const adamw: Family = {
  name: "adamw",
  computes: "a step of AdamW: N parameters and their two moments, in place",
  dimensions: ["N"],
  sizeForms: "N",
  defaultSize: { software: "1048576", hardware: "33554432" },
  tinySize: "1037",
  expand: (numbers) => (numbers.length === 1 ? numbers : undefined),
  shapes: ({ N }) => ({ gradient: [N], parameter: [N], first: [N], second: [N] }),
  problem,
  contract: ({ N }) => ({
    reads: ["gradient"],
    writes: ["parameter", "first", "second"],
    params: {
      N: "u32",
      oneMinusBeta1: "f32",
      beta2: "f32",
      oneMinusBeta2: "f32",
      keep: "f32",
      epsilon: "f32",
      stepSize: "f32",
      rootCorrection: "f32",
    },
    values: { N, ...FACTORS },
  }),
  rungs: [
    {
      name: "naive",
      adds: "One kernel does all of the step: one invocation updates one parameter and its moments.",
      wgsl: naive,
    },
    { name: "vectors", adds: "An invocation updates four parameters, read and written as vectors.", wgsl: vectors },
  ],
  engine,
};
