import type { NdArray } from "../../reference/nd-array.ts";
import { seeded } from "../values.ts";

export type Scalar = (inputs: readonly NdArray[]) => number;

export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

/** The inputs moved by `step` along a direction; null where an input stays. */
export const moved = (
  inputs: readonly NdArray[],
  direction: readonly (Float64Array | null)[],
  step: number,
): NdArray[] =>
  inputs.map((input, i) => {
    const along = direction[i];
    return along ? { shape: input.shape, data: input.data.map((x, k) => x + step * along[k]) } : input;
  });

/** What central differences say of a gradient. */
export interface GradientEstimate {
  size: number;
  /** The elements looked at one by one: all of them, unless there are very many. */
  positions: readonly number[];
  values: Float64Array;
  /** Derivatives along random directions, which any wrong element of a large gradient changes. */
  directions: readonly { along: Float64Array; value: number }[];
}

/** Elements looked at one by one. More would take most of the time of a test: each costs two runs of the reference. */
const MOST_POSITIONS = 160;

/** Gradient of a scalar function with respect to one input, by central differences. */
export function estimateGradient(
  scalar: Scalar,
  inputs: readonly NdArray[],
  which: number,
  step = 1e-5,
): GradientEstimate {
  const original = inputs[which].data;
  const own = { shape: inputs[which].shape, data: original.slice() };
  const all = inputs.with(which, own);
  const derivative = (move: (sign: number) => void): number => {
    move(step);
    const above = scalar(all);
    move(-step);
    const below = scalar(all);
    own.data.set(original);
    return (above - below) / (2 * step);
  };
  const positions = choosePositions(original.length);
  const values = Float64Array.from(positions, (i) =>
    derivative((by) => {
      own.data[i] = original[i] + by;
    }),
  );
  const directions = [];
  if (positions.length < original.length) {
    for (const seed of [1, 2, 3]) {
      const random = seeded(seed);
      const along = Float64Array.from(original, () => (random() < 0.5 ? -1 : 1));
      const value = derivative((by) => {
        for (let i = 0; i < along.length; i++) own.data[i] = original[i] + by * along[i];
      });
      directions.push({ along, value });
    }
  }
  return { size: original.length, positions, values, directions };
}

/** All positions, or the first, the last and a seeded choice of the rest. */
function choosePositions(size: number): number[] {
  const all = Array.from({ length: size }, (_, i) => i);
  if (size <= MOST_POSITIONS) return all;
  const random = seeded(size);
  const chosen = new Set([...all.slice(0, 8), ...all.slice(-8)]);
  while (chosen.size < MOST_POSITIONS) chosen.add(Math.floor(random() * size));
  return [...chosen].sort((a, b) => a - b);
}

/** The magnitude of a gradient: its largest element, as far as it was looked at. */
export const magnitudeOf = ({ size, values, directions }: GradientEstimate): number =>
  Math.max(0, ...values.map(Math.abs), ...directions.map(({ value }) => Math.abs(value) / Math.sqrt(size)));
