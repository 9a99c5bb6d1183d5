import adamwSource from "../../../shaders/optimizer/adamw.wgsl";
import sgdSource from "../../../shaders/optimizer/sgd.wgsl";
import { defineKernel, joined, type LiveNumber, linearGrid, type ParamLayout } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { wholePower } from "../../tensor/portable-math.ts";
import { launch } from "../launch.ts";
import { forUnits, type UpdateRun, unitParams } from "./units.ts";

/** Classes of rates that one dispatch can tell apart, as in the shaders. */
export const CLASSES = 8;

/** Fields for every class: name0, name1, … of each name, class by class. */
/* @__NO_SIDE_EFFECTS__ */ const classParams = (...names: string[]): ParamLayout =>
  Object.fromEntries(
    Array.from({ length: CLASSES }, (_, i) => i).flatMap((i) => names.map((name) => [`${name}${i}`, "f32" as const])),
  );

const adamwKernel = defineKernel({
  name: "adamw",
  source: adamwSource,
  bindings: {
    units: "read",
    gradient: "read",
    scale: "read",
    parameter: "read_write",
    first: "read_write",
    second: "read_write",
  },
  params: joined(
    joined(unitParams, {
      scaleOffset: "u32",
      parameterOffset: "u32",
      firstOffset: "u32",
      secondOffset: "u32",
      beta2: "f32",
      oneMinusBeta1: "f32",
      oneMinusBeta2: "f32",
      epsilon: "f32",
    }),
    classParams("keep", "stepSize", "rootCorrection"),
  ),
});

const sgdKernel = defineKernel({
  name: "sgd",
  source: sgdSource,
  bindings: { units: "read", gradient: "read", scale: "read", parameter: "read_write", velocity: "read_write" },
  params: joined(
    joined(unitParams, {
      scaleOffset: "u32",
      parameterOffset: "u32",
      velocityOffset: "u32",
    }),
    classParams("rate", "momentum", "decay"),
  ),
});

/** The rates of a class of parameters. */
export interface ClassRates {
  rate: () => number;
  decay: number;
  /** Number of this step, from 1. */
  step: () => number;
}

/** Values for the fields of the classes; those that are not in use are 0. */
function classValues<Name extends string>(
  classes: readonly (ClassRates | undefined)[],
  names: readonly Name[],
  valuesOf: (rates: ClassRates) => Record<Name, LiveNumber>,
): Record<string, LiveNumber> {
  const values: Record<string, LiveNumber> = {};
  for (let i = 0; i < CLASSES; i++) {
    const rates = classes.at(i);
    const own = rates && valuesOf(rates);
    for (const name of names) values[`${name}${i}`] = own?.[name] ?? 0;
  }
  return values;
}

export interface AdamWSettings {
  beta1: number;
  beta2: number;
  epsilon: number;
}

/** Updates parameters and their two moments in place. `scale` is what `clipScale` gives. */
export function adamwStep(
  run: UpdateRun,
  scale: Tensor,
  classes: readonly (ClassRates | undefined)[],
  { beta1, beta2, epsilon }: AdamWSettings,
): void {
  const numbers = {
    ...{ beta2, oneMinusBeta1: 1 - beta1, oneMinusBeta2: 1 - beta2, epsilon },
    ...classValues(classes, ["keep", "stepSize", "rootCorrection"], ({ rate, decay, step }) => ({
      keep: () => 1 - rate() * decay,
      stepSize: () => rate() / (1 - wholePower(beta1, step())),
      rootCorrection: () => Math.sqrt(1 - wholePower(beta2, step())),
    })),
  };
  forUnits(run, [run.gradient, run.parameter, ...run.states], ([gradient, parameter, first, second], place) => {
    const tensors = [run.units, gradient, scale, parameter, first, second];
    launch("adamw", adamwKernel.variant(), tensors, { ...place, ...numbers }, linearGrid(place.unitCount));
  });
}

/** Updates parameters and their velocities in place. The velocity before the first step counts nothing. */
export function sgdStep(
  run: UpdateRun,
  scale: Tensor,
  classes: readonly (ClassRates | undefined)[],
  momentum: number,
): void {
  const numbers = classValues(classes, ["rate", "momentum", "decay"], ({ rate, decay, step }) => ({
    rate,
    momentum: () => (step() === 1 ? 0 : momentum),
    decay,
  }));
  forUnits(run, [run.gradient, run.parameter, ...run.states], ([gradient, parameter, velocity], place) => {
    const tensors = [run.units, gradient, scale, parameter, velocity];
    launch("sgd", sgdKernel.variant(), tensors, { ...place, ...numbers }, linearGrid(place.unitCount));
  });
}
