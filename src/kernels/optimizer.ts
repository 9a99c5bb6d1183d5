import adamwSource from "../../shaders/optimizer/adamw.wgsl";
import addChunksSource from "../../shaders/optimizer/add-chunks.wgsl";
import clipScaleSource from "../../shaders/optimizer/clip-scale.wgsl";
import gatherSource from "../../shaders/optimizer/gather-gradients.wgsl";
import squaresSource from "../../shaders/optimizer/gradient-squares.wgsl";
import sgdSource from "../../shaders/optimizer/sgd.wgsl";
import {
  defineKernel,
  type Gpu,
  joined,
  type KernelDefinition,
  type LiveNumber,
  linearGrid,
  type ParamLayout,
} from "../gpu/index.ts";
import { sliceView, type Tensor, tensor } from "../tensor/index.ts";
import { wholePower } from "../tensor/portable-math.ts";
import { fillWith } from "./copy.ts";
import { gridOf, launch, output } from "./launch.ts";
import { forFlatWindows } from "./windows.ts";

/** Elements of a unit, the stretch of a parameter that a workgroup updates. */
export const UNIT = 2048;
/** Sums of squares of a unit, as in the shader. */
const SUMS = 16;
/** Sums of squares that are added up in one go, as in the shader. */
const CHUNK = 1024;
/** Classes of rates that one dispatch can tell apart, as in the shaders. */
export const CLASSES = 8;

/** Fields for every class: name0, name1, … of each name, class by class. */
/* @__NO_SIDE_EFFECTS__ */ const classParams = (...names: string[]): ParamLayout =>
  Object.fromEntries(
    Array.from({ length: CLASSES }, (_, i) => i).flatMap((i) => names.map((name) => [`${name}${i}`, "f32" as const])),
  );

const unitParams: ParamLayout = {
  unitCount: "u32",
  firstUnit: "u32",
  origin: "u32",
  unitsOffset: "u32",
  gradientOffset: "u32",
};

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

const squaresKernel = defineKernel({
  name: "gradient-squares",
  source: squaresSource,
  bindings: { units: "read", gradient: "read", sums: "read_write" },
  params: joined(unitParams, { ordinal: "u32", sumsOffset: "u32" }),
});

const addChunksKernel = defineKernel({
  name: "add-chunks",
  source: addChunksSource,
  bindings: { x: "read", y: "read_write" },
  params: { count: "u32", xOffset: "u32", yOffset: "u32" },
});

const clipScaleKernel = defineKernel({
  name: "clip-scale",
  source: clipScaleSource,
  bindings: { x: "read", y: "read_write" },
  params: { count: "u32", limit: "f32", skipsNonFinite: "u32", xOffset: "u32", yOffset: "u32" },
});

/** Gradients that one dispatch gathers: with their target as many buffers as a kernel may have. */
const GATHERED = 7;

/* @__NO_SIDE_EFFECTS__ */ const each = <T>(count: number, of: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => of(i));

/* @__NO_SIDE_EFFECTS__ */ const gatherBindings = (): KernelDefinition["bindings"] => ({
  ...Object.fromEntries(each(GATHERED, (i) => [`x${i}`, "read" as const])),
  y: "read_write",
});

/* @__NO_SIDE_EFFECTS__ */ const gatherParams = (): ParamLayout =>
  Object.fromEntries(
    [
      "count",
      ...each(GATHERED - 1, (i) => `end${i}`),
      ...each(GATHERED, (i) => `place${i}`),
      ...each(GATHERED, (i) => `x${i}Offset`),
    ].map((name) => [name, "u32" as const]),
  );

const gatherKernel = defineKernel({
  name: "gather-gradients",
  source: gatherSource,
  bindings: gatherBindings(),
  params: gatherParams(),
});

/** Parameters that lie side by side, with gradients and moments that lie in the same order. */
export interface UpdateRun {
  /** [units, 4] of u32: first vector of four, elements, class, and place among all units of the optimizer. */
  units: Tensor;
  firstUnit: number;
  unitCount: number;
  /** The vector at which the tensors begin. */
  origin: number;
  /** Place of its first unit among all of the optimizer; its units follow one another there. */
  ordinal: number;
  /** Flat views of one length, each from the run's first element on. */
  parameter: Tensor;
  gradient: Tensor;
  /** Moments or velocities. */
  states: readonly Tensor[];
}

/** The units of a parameter of `size` elements that begins at an element of its buffer, as rows of the table. */
export const unitRows = (size: number, begin: number, classIndex: number, ordinal: number): number[] =>
  Array.from({ length: Math.ceil(size / UNIT) }, (_, i) => [
    ...[(begin + i * UNIT) / 4, Math.min(UNIT, size - i * UNIT)],
    ...[classIndex, ordinal + i],
  ]).flat();

/** The table of some rows. */
export const unitTable = (rows: readonly number[], gpu: Gpu): Tensor =>
  tensor(Uint32Array.from(rows), [rows.length / 4, 4], { gpu });

/** A run of one parameter, whose class is 0; it has a table of its own. */
export function singleRun(parameter: Tensor, gradient: Tensor, states: readonly Tensor[]): UpdateRun {
  const units = unitTable(unitRows(parameter.size, 0, 0, 0), parameter.gpu);
  const flat = (x: Tensor): Tensor => x.view([x.size], [1]);
  const { shape } = units;
  const tensors = { parameter: flat(parameter), gradient: flat(gradient), states: states.map(flat) };
  return { units, firstUnit: 0, unitCount: shape[0], origin: 0, ordinal: 0, ...tensors };
}

/** The rates of a class of parameters. */
export interface ClassRates {
  rate: () => number;
  decay: number;
  /** Number of this step, from 1. */
  step: () => number;
}

/**
 * Runs `body` over stretches of whole units that can be bound: once, unless a buffer is over the binding limit. Then the
 * run is of one parameter, whose units all are of the same length.
 */
function forUnits(
  { units, firstUnit, unitCount, origin }: UpdateRun,
  tensors: readonly Tensor[],
  body: (
    windows: readonly Tensor[],
    params: { unitCount: number; firstUnit: number; origin: number },
    begin: number,
  ) => void,
): void {
  const { maxStorageBufferBindingSize: limit, minStorageBufferOffsetAlignment: alignment } = units.gpu.limits;
  if (tensors.every(({ storage }) => storage.buffer.size <= limit)) {
    body(tensors, { unitCount, firstUnit, origin }, 0);
    return;
  }
  const step = Math.max(1, Math.floor((limit - alignment) / 4 / UNIT));
  for (let begin = 0; begin < unitCount; begin += step) {
    const count = Math.min(step, unitCount - begin);
    const windows = tensors.map((x) => {
      const first = begin * UNIT;
      return x.view([Math.min(count * UNIT, x.size - first)], [1], x.offset + first, false);
    });
    const place = origin + (begin * UNIT) / 4;
    body(windows, { unitCount: count, firstUnit: firstUnit + begin, origin: place }, begin);
    for (const window of windows) window.dispose();
  }
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

/**
 * Global norm of the gradients of several runs, the factor that clips it, and whether the step is to be left out:
 * [min(1, limit / (norm + 1e-6)), norm, flag], shape [3]. It stays on the GPU; the optimizer kernels read it there.
 *
 * Squares are added in an order that the list of all `unitTotal` units gives, whichever of them are in the runs and
 * wherever they lie: 16 sums a unit, then 1024 of these sums, then all.
 */
export function clipScale(
  runs: readonly UpdateRun[],
  unitTotal: number,
  { limit, skipsNonFinite }: { limit: number; skipsNonFinite: boolean },
): Tensor {
  const { units } = runs[0];
  const sums = output("clip", units, [unitTotal * SUMS], "f32");
  if (runs.reduce((sum, { unitCount }) => sum + unitCount, 0) < unitTotal) fillWith(sums, 0);
  for (const run of runs) {
    forUnits(run, [run.gradient], ([gradient], place, begin) => {
      const ordinal = run.ordinal + begin;
      const own = sliceView(sums, 0, ordinal * SUMS, (ordinal + place.unitCount) * SUMS);
      const params = { ...place, ordinal };
      launch("clip", squaresKernel.variant(), [run.units, gradient, own], params, gridOf(place.unitCount * SUMS));
      own.dispose();
    });
  }
  const count = Math.ceil(sums.size / CHUNK);
  const chunks = output("clip", sums, [count]);
  forFlatWindows([sums], ([window], size, begin) => {
    const own = sliceView(chunks, 0, begin / CHUNK, count);
    launch("clip", addChunksKernel.variant(), [window, own], { count: size }, gridOf(Math.ceil(size / CHUNK)));
    own.dispose();
  });
  const result = output("clip", sums, [3]);
  const params = { count, limit, skipsNonFinite: skipsNonFinite ? 1 : 0 };
  launch("clip", clipScaleKernel.variant(), [chunks, result], params, [1, 1, 1]);
  sums.dispose();
  chunks.dispose();
  return result;
}

/** Copies row-major gradients, each with its offset a multiple of four, to their places in one buffer. */
export function gatherGradients(pairs: readonly { from: Tensor; to: Tensor }[]): void {
  for (let begin = 0; begin < pairs.length; begin += GATHERED) {
    const some = pairs.slice(begin, begin + GATHERED);
    const params: Record<string, number> = {};
    let count = 0;
    for (let i = 0; i < GATHERED; i++) {
      const pair = some.at(i);
      params[`place${i}`] = (pair?.to.offset ?? 0) / 4;
      if (pair) count += Math.ceil(pair.from.size / 4);
      if (i < GATHERED - 1) params[`end${i}`] = count;
    }
    const sources = Array.from({ length: GATHERED }, (_, i) => (some.at(i) ?? some[0]).from);
    launch("gather", gatherKernel.variant(), [...sources, some[0].to], { ...params, count }, gridOf(count));
  }
}
