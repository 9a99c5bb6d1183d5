import type { NdArray } from "../reference/nd-array.ts";

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

/** Gradient of a scalar function with respect to one input, by central differences. */
export function centralGradient(scalar: Scalar, inputs: readonly NdArray[], which: number, step = 1e-5): Float64Array {
  const own = { shape: inputs[which].shape, data: inputs[which].data.slice() };
  const all = inputs.with(which, own);
  return own.data.map((x, i) => {
    own.data[i] = x + step;
    const above = scalar(all);
    own.data[i] = x - step;
    const below = scalar(all);
    own.data[i] = x;
    return (above - below) / (2 * step);
  });
}
