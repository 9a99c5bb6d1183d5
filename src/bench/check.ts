import { formatShape, sizeOf, type Tensor } from "../tensor/index.ts";
import type { Problem, Result } from "./problem.ts";

/** Most elements of one result that are compared, and least, where it has as many. */
const MOST_COMPARED = 65_536;
const LEAST_COMPARED = 512;
/** Operations that the references of all results may take together: some tenths of a second. */
const MOST_OPERATIONS = 2 ** 26;
/** Elements compared at either end, where the last tiles lie. */
const AT_THE_ENDS = 16;

/**
 * Positions to compare, in order: all of them, or the ends and, of each of `count` stretches of equal length, one in a fixed
 * pseudo-random place, so that no stretch goes unseen.
 *
 * @param together elements side by side that are taken or left as one.
 */
export function samplePositions(size: number, count: number, together = 1): number[] {
  if (size <= count) return Array.from({ length: size }, (_, i) => i);
  const positions = new Set<number>();
  for (let i = 0; i < Math.min(AT_THE_ENDS, size); i++) positions.add(i).add(size - 1 - i);
  const [groups, stretches] = [Math.ceil(size / together), Math.max(1, Math.floor(count / together))];
  let state = 12345;
  for (let stretch = 0; stretch < stretches; stretch++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const group = Math.min(groups - 1, Math.floor(((stretch + state / 2 ** 32) * groups) / stretches));
    for (let i = group * together; i < Math.min(size, (group + 1) * together); i++) positions.add(i);
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

/** Some elements of a result as they must be. */
interface Known {
  readonly positions: readonly number[];
  readonly values: Float64Array;
  /** Largest error of each. */
  readonly allowed: Float64Array;
}

/** What was computed once is there for all candidates of a problem. */
const known = new WeakMap<Result, Known>();

function knownOf(problem: Problem, result: Result): Known {
  const kept = known.get(result);
  if (kept) return kept;
  const { shape, together, tolerance, expected } = result;
  const size = sizeOf(shape);
  const affordable = Math.floor(size * Math.min(1, MOST_OPERATIONS / Math.max(problem.operations, 1)));
  const positions = samplePositions(size, Math.min(MOST_COMPARED, Math.max(LEAST_COMPARED, affordable)), together);
  const values = new Float64Array(positions.length);
  const allowed = new Float64Array(positions.length);
  positions.forEach((position, i) => {
    const { value, scale } = expected(position);
    values[i] = value;
    allowed[i] = tolerance * scale;
  });
  const made = { positions, values, allowed };
  known.set(result, made);
  return made;
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
    const fault = compare(result, knownOf(problem, result), (await results[i].data()) as Float32Array);
    if (fault) return fault;
  }
  return undefined;
}

/** Nine digits, which tell numbers in single precision apart. */
const shown = (value: number): number => Number(value.toPrecision(9));

function compare({ name, shape }: Result, { positions, values, allowed }: Known, actual: Float32Array) {
  const at = (position: number): string => `${name}${formatShape(indexOf(position, shape))}`;
  const isWrong = (position: number, i: number): boolean => !(Math.abs(actual[position] - values[i]) <= allowed[i]);
  const first = positions.findIndex(isWrong);
  if (first >= 0) {
    const position = positions[first];
    const wanted = `expected ${shown(values[first])} (± ${allowed[first].toExponential(1)})`;
    const wrong = positions.filter(isWrong).length;
    return `${at(position)} is ${shown(actual[position])}, ${wanted}; ${wrong} of ${positions.length} compared elements are wrong`;
  }
  // Of the elements that are not compared, those never written hold the NaN they were given.
  const odd = actual.findIndex((value) => !Number.isFinite(value));
  return odd < 0 ? undefined : `${at(odd)} is ${actual[odd]}: it was not written, or computed from what is no number`;
}
