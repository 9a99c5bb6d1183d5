import { formatShape, sizeOf, type Tensor } from "../tensor/index.ts";
import type { Problem, Result } from "./problem.ts";

/** Elements of a result that are compared, when it has more. */
const SAMPLES = 512;

/** Positions to compare: all of them, or the ends and a fixed pseudo-random choice. */
export function samplePositions(size: number, count = SAMPLES): number[] {
  if (size <= count) return Array.from({ length: size }, (_, i) => i);
  const positions = new Set<number>();
  for (let i = 0; i < 16; i++) positions.add(i).add(size - 1 - i);
  let state = 12345;
  while (positions.size < count) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    positions.add(Math.floor((state / 2 ** 32) * size));
  }
  return [...positions].sort((a, b) => a - b);
}

/** [1, 2] of position 7 in shape [4, 5]. */
export function indexOf(position: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = position;
  for (const length of [...shape].reverse()) {
    index.unshift(rest % length);
    rest = Math.floor(rest / length);
  }
  return index;
}

/**
 * Compares results with the double-precision reference of the problem.
 *
 * @returns what is wrong with them, with the first wrong element's index, value and expected value; undefined when
 *   nothing is.
 */
export async function findFault(problem: Problem, results: readonly Tensor[]): Promise<string | undefined> {
  if (results.length !== problem.results.length) {
    return `gives ${results.length} results, expected ${problem.results.map(({ name }) => name).join(", ")}`;
  }
  for (const [i, result] of problem.results.entries()) {
    const { shape } = results[i];
    if (sizeOf(shape) !== sizeOf(result.shape)) {
      return `${result.name} has shape ${formatShape(shape)}, expected ${formatShape(result.shape)}`;
    }
    const fault = compare(result, (await results[i].data()) as Float32Array);
    if (fault) return fault;
  }
  return undefined;
}

function compare({ name, shape, expected, tolerance }: Result, values: Float32Array): string | undefined {
  const at = (position: number): string => `${name}${formatShape(indexOf(position, shape))}`;
  const positions = samplePositions(values.length);
  const wrong: string[] = [];
  for (const position of positions) {
    const { value, scale } = expected(position);
    const allowed = tolerance * scale;
    if (!(Math.abs(values[position] - value) <= allowed)) {
      wrong.push(`${at(position)} is ${values[position]}, expected ${value} (± ${allowed.toExponential(1)})`);
    }
  }
  if (wrong.length > 0) return `${wrong[0]}; ${wrong.length} of ${positions.length} compared elements are wrong`;
  // Of the elements that are not compared, those never written hold the NaN they were given.
  const odd = values.findIndex((value) => !Number.isFinite(value));
  return odd < 0 ? undefined : `${at(odd)} is ${values[odd]}: it was not written, or computed from what is no number`;
}
