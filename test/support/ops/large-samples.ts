import { sizeOf } from "../../reference/nd-array.ts";
import type { Sample, SampleInput } from "../../samples/index.ts";

/** Inputs with the axes that `grows` names made `factor` times as long. */
const grow = (
  inputs: readonly SampleInput[],
  factor: number,
  grows: (input: number, axis: number, length: number) => boolean,
): SampleInput[] =>
  inputs.map((input, i) => ({
    ...input,
    shape: input.shape.map((length, axis) => (grows(i, axis, length) ? length * factor : length)),
  }));

const largestOf = (inputs: readonly SampleInput[]): number => Math.max(...inputs.map(({ shape }) => sizeOf(shape)));

/**
 * Ways to make a sample larger than `elements` that its op accepts: along one axis after the other, in all inputs where
 * an axis has that length, in all at that place, or in one input alone.
 *
 * @param accepts Whether the op infers an output of these inputs; what it does not is left out.
 */
export function enlarged<A>(
  sample: Sample<A>,
  elements: number,
  accepts: (inputs: readonly SampleInput[]) => boolean,
): SampleInput[][] {
  const { inputs } = sample;
  if (inputs.some(({ shape }) => sizeOf(shape) === 0)) return [];
  const found = new Map<string, SampleInput[]>();
  inputs.forEach(({ shape }, own) => {
    shape.forEach((chosen, place) => {
      const ways = [
        (_input: number, _axis: number, length: number) => length === chosen,
        (_input: number, axis: number, length: number) => axis === place && length === chosen,
        (input: number, axis: number, _length: number) => input === own && axis === place,
      ];
      for (const way of ways) {
        const factor = Math.ceil((elements + 1) / largestFactor(inputs, way));
        const larger = grow(inputs, factor, way);
        // Two axes that grow together would be larger by far.
        if (largestOf(larger) > 8 * elements || !accepts(larger)) continue;
        found.set(larger.map(({ shape: s }) => `[${s}]`).join(" "), larger);
        return;
      }
    });
  });
  return [...found.values()];
}

/** Elements of the largest input that grows. */
const largestFactor = (
  inputs: readonly SampleInput[],
  grows: (input: number, axis: number, length: number) => boolean,
): number =>
  Math.max(
    1,
    ...inputs.filter(({ shape }, i) => shape.some((n, axis) => grows(i, axis, n))).map(({ shape }) => sizeOf(shape)),
  );
