import { at, generate, type NdArray, type Reference } from "./nd-array.ts";

/** The common shape of all inputs: lengths aligned at the end, 1 gives way. */
function commonShape(inputs: readonly NdArray[]): number[] {
  const rank = Math.max(...inputs.map(({ shape }) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const lengths = inputs.map(({ shape }) => shape[axis - rank + shape.length] ?? 1);
    return lengths.find((length) => length !== 1) ?? 1;
  });
}

const elements =
  <A>(loss: (values: readonly number[], attributes: A) => number): Reference<A> =>
  (inputs, attributes) =>
    generate(commonShape(inputs), (index) =>
      loss(
        inputs.map((x) => at(x, index)),
        attributes,
      ),
    );

export const squaredError = elements<Record<string, never>>(([x, t]) => (x - t) ** 2);
export const absoluteError = elements<Record<string, never>>(([x, t]) => Math.abs(x - t));
export const huberError = elements<{ delta: number }>(([x, t], { delta }) => {
  const d = Math.abs(x - t);
  return d < delta ? 0.5 * d * d : delta * (d - 0.5 * delta);
});
export const binaryError = elements<Record<string, never>>(
  ([x, t, p = 1]) => p * t * Math.log1p(Math.exp(-x)) + (1 - t) * Math.log1p(Math.exp(x)),
);
export const divergence = elements<{ logTarget: boolean }>(([x, t], { logTarget }) => {
  if (logTarget) return Math.exp(t) * (t - x);
  return t === 0 ? 0 : t * (Math.log(t) - x);
});
