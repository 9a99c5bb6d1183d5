import { sortLabels } from "./datasets.ts";
import { mulberry32, permutation } from "./random.ts";

/** The two parts of a dataset, each in the order of the whole. */
export interface Split<T> {
  readonly train: T[];
  readonly valid: T[];
}

interface Labelled {
  readonly label: string;
}

/** Every n-th example, from the first on, is for validation; the others are for training. */
export function everyNth<T>(examples: readonly T[], n: number): Split<T> {
  if (!Number.isInteger(n) || n < 2) throw new RangeError(`every n-th example: expected an integer n >= 2, got ${n}`);
  return partition(examples, (i) => i % n === 0);
}

/**
 * `count` examples, drawn without replacement, in the order of the whole. Each class gets its share of the whole to
 * within one example (largest remainder).
 *
 * @throws RangeError when there are fewer than `count`
 */
export function stratifiedSample<T extends Labelled>(examples: readonly T[], count: number, seed: number): T[] {
  if (!Number.isInteger(count) || count < 1 || count > examples.length) {
    throw new RangeError(`stratified sample of ${count} from ${examples.length} examples`);
  }
  const members = indicesByClass(examples);
  const sizes = members.map((indices) => indices.length);
  const quotas = sizes.map((size) => (size * count) / examples.length);
  const drawn = drawFromEach(members, largestRemainder(quotas, count, sizes), seed);
  return examples.filter((_, i) => drawn.has(i));
}

/**
 * Divides examples so that of each class a fraction `validFraction` is for validation, to within one example, and at
 * least one is left for training.
 *
 * @param validFraction between 0 and 1, both excluded
 * @throws RangeError when one of the two parts would be empty
 */
export function stratifiedSplit<T extends Labelled>(
  examples: readonly T[],
  validFraction: number,
  seed: number,
): Split<T> {
  requireFraction(validFraction);
  const members = indicesByClass(examples);
  const quotas = members.map((indices) => indices.length * validFraction);
  const atMost = members.map((indices) => indices.length - 1);
  const counts = largestRemainder(quotas, Math.round(examples.length * validFraction), atMost);
  const drawn = drawFromEach(members, counts, seed);
  if (drawn.size === 0) {
    throw new RangeError(`a fraction ${validFraction} of ${examples.length} examples leaves none for validation`);
  }
  return partition(examples, (i) => drawn.has(i));
}

/** Divides a text at a character: the first floor((1 - validFraction)·length) UTF-16 units are for
 * training, the others for validation. */
export function splitText(text: string, validFraction: number): { train: string; valid: string } {
  requireFraction(validFraction);
  let cut = Math.floor(text.length * (1 - validFraction));
  const next = text.charCodeAt(cut);
  // Never between the two halves of a surrogate pair.
  if (cut > 0 && next >= 0xdc00 && next <= 0xdfff) cut--;
  return { train: text.slice(0, cut), valid: text.slice(cut) };
}

function requireFraction(fraction: number): void {
  if (!(fraction > 0 && fraction < 1)) {
    throw new RangeError(`expected a validation fraction between 0 and 1, got ${fraction}`);
  }
}

function partition<T>(examples: readonly T[], isValid: (index: number) => boolean): Split<T> {
  return { train: examples.filter((_, i) => !isValid(i)), valid: examples.filter((_, i) => isValid(i)) };
}

/** Indices of each class's members, classes in the order of `sortLabels`. */
function indicesByClass(examples: readonly Labelled[]): number[][] {
  const byLabel = new Map<string, number[]>();
  for (const [i, { label }] of examples.entries()) {
    const members = byLabel.get(label);
    if (members === undefined) byLabel.set(label, [i]);
    else members.push(i);
  }
  return sortLabels(byLabel.keys()).map((label) => byLabel.get(label) as number[]);
}

/** Whole numbers with sum `total`: the floors of the quotas, then one more by descending remainder, up to `atMost`. */
function largestRemainder(quotas: readonly number[], total: number, atMost: readonly number[]): number[] {
  const counts = quotas.map((quota, c) => Math.min(Math.floor(quota), atMost[c]));
  let left = total - counts.reduce((sum, count) => sum + count, 0);
  const byRemainder = [...quotas.keys()].sort((a, b) => (quotas[b] % 1) - (quotas[a] % 1) || a - b);
  for (const c of byRemainder) {
    if (left > 0 && counts[c] < atMost[c] && counts[c] < quotas[c]) {
      counts[c]++;
      left--;
    }
  }
  return counts;
}

function drawFromEach(members: readonly number[][], counts: readonly number[], seed: number): Set<number> {
  const random = mulberry32(seed);
  const drawn = new Set<number>();
  for (const [c, indices] of members.entries()) {
    const order = permutation(indices.length, random);
    for (const i of order.subarray(0, counts[c])) drawn.add(indices[i]);
  }
  return drawn;
}
