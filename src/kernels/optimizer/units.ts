import type { Gpu, ParamLayout } from "../../gpu/index.ts";
import { type Tensor, tensor } from "../../tensor/index.ts";

/** Elements of a unit, the stretch of a parameter that a workgroup updates. */
export const UNIT = 2048;

/** Parameters of every kernel that walks units. */
export const unitParams: ParamLayout = {
  unitCount: "u32",
  firstUnit: "u32",
  origin: "u32",
  unitsOffset: "u32",
  gradientOffset: "u32",
};

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

/**
 * Runs `body` over stretches of whole units that can be bound: once, unless a buffer is over the binding limit. Then the
 * run is of one parameter, whose units all are of the same length.
 */
export function forUnits(
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
