import { generate, type NdArray, type Reference } from "./nd-array.ts";

interface Affine {
  weight: boolean;
  bias: boolean;
  epsilon: number;
}

/** y = (x − mean) / √(variance + ε) · weight + bias, with the statistics and the channel that belong to an index. */
function normalize(
  inputs: readonly NdArray[],
  first: number,
  { weight, bias, epsilon }: Affine,
  statistics: (index: readonly number[]) => [mean: number, variance: number],
): NdArray {
  const [x] = inputs;
  const factor = weight ? inputs[first] : undefined;
  const shift = bias ? inputs[first + (weight ? 1 : 0)] : undefined;
  let position = 0;
  return generate(x.shape, (index) => {
    const [mean, variance] = statistics(index);
    const value = (x.data[position++] - mean) / Math.sqrt(variance + epsilon);
    return value * (factor?.data[index[1]] ?? 1) + (shift?.data[index[1]] ?? 0);
  });
}

/** Mean and biased variance of the elements of each key. */
function momentsBy(
  x: NdArray,
  keyOf: (index: readonly number[]) => number,
): (index: readonly number[]) => [number, number] {
  const groups = new Map<number, number[]>();
  let position = 0;
  generate(x.shape, (index) => {
    const key = keyOf(index);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key)!.push(x.data[position++]);
    return 0;
  });
  const moments = new Map<number, [number, number]>();
  for (const [key, values] of groups) {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    moments.set(key, [mean, values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length]);
  }
  return (index) => moments.get(keyOf(index))!;
}

export const batchNorm: Reference<Affine> = (inputs, attributes) =>
  normalize(
    inputs,
    1,
    attributes,
    momentsBy(inputs[0], ([, channel]) => channel),
  );

export const batchNormInference: Reference<Affine> = (inputs, attributes) => {
  const [, mean, variance] = inputs;
  return normalize(inputs, 3, attributes, ([, channel]) => [mean.data[channel], variance.data[channel]]);
};

export const groupNorm: Reference<Affine & { groups: number }> = (inputs, attributes) => {
  const width = inputs[0].shape[1] / attributes.groups;
  const keyOf = ([n, channel]: readonly number[]): number => n * attributes.groups + Math.floor(channel / width);
  return normalize(inputs, 1, attributes, momentsBy(inputs[0], keyOf));
};
