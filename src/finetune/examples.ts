import { type PaddedBatch, padBatch, permutation, type RandomSource, type TokenBlock } from "../io/index.ts";
import type { TokenInputs } from "../models/index.ts";

/** Label of positions that count nothing, as in PyTorch. */
export const IGNORE_INDEX = -100;

/** One training example: a class for the whole text, or a target for each token. */
export interface TrainingExample {
  readonly inputIds: Int32Array;
  /** One class index, or as many token ids as there are inputs. */
  readonly labels: Int32Array;
}

export interface ExampleBatch extends TokenInputs {
  /** Places of the rows in the data set. */
  readonly indices: readonly number[];
  /** Tokens of each row, without padding. */
  readonly lengths: readonly number[];
  /** [batch] classes, or [batch · length] targets with padding ignored. */
  readonly labels: Int32Array;
  /** Labels that count. */
  readonly counted: number;
  readonly tokens: number;
}

/** Examples of texts with one class each. */
export function classificationExamples(
  tokens: readonly { inputIds: Int32Array }[],
  classes: Int32Array,
): TrainingExample[] {
  return tokens.map(({ inputIds }, i) => ({ inputIds, labels: classes.slice(i, i + 1) }));
}

/** Examples of text windows with the next token as each token's target. */
export function languageExamples(blocks: readonly TokenBlock[]): TrainingExample[] {
  return blocks.map(({ inputs, targets }) => ({ inputIds: inputs, labels: targets }));
}

/** Pads some examples on the right, and their targets with them. */
export function collate(examples: readonly TrainingExample[], indices: readonly number[], padId: number): ExampleBatch {
  const rows = indices.map((index) => examples[index]);
  const padded: PaddedBatch = padBatch(
    rows.map((row) => row.inputIds),
    { padId },
  );
  const lengths = rows.map((row) => row.inputIds.length);
  const perToken = rows.some((row) => row.labels.length > 1);
  const labels = perToken
    ? new Int32Array(padded.batch * padded.length).fill(IGNORE_INDEX)
    : new Int32Array(padded.batch);
  rows.forEach((row, i) => {
    labels.set(row.labels, perToken ? i * padded.length : i);
  });
  const counted = labels.reduce((count, label) => (label === IGNORE_INDEX ? count : count + 1), 0);
  return { ...padded, indices, lengths, labels, counted, tokens: lengths.reduce((a, b) => a + b, 0) };
}

/** A number that two data sets have in common only by chance: FNV-1a over ids and labels in their order. */
export function checksum(examples: readonly TrainingExample[]): number {
  let hash = 0x811c9dc5;
  for (const { inputIds, labels } of examples) {
    for (const values of [[inputIds.length], inputIds, labels]) {
      for (const value of values) hash = Math.imul(hash ^ value, 0x01000193);
    }
  }
  return hash >>> 0;
}

/** Places of the examples from the shortest to the longest; equals in the order of the data. */
export function byLength(examples: readonly TrainingExample[], places?: readonly number[]): number[] {
  const lengthOf = (index: number): number => examples[index].inputIds.length;
  return [...(places ?? examples.keys())].sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
}

/** Batches among which lengths are sorted when texts are grouped by length. */
const BATCHES_PER_GROUP = 8;

/**
 * The batches of an epoch from a shuffled order: consecutive runs, or, grouped by length, runs of a few batches' worth
 * sorted by length and then dealt in random order. Grouping computes less padding; each example still comes once.
 */
export function batchesOf(
  examples: readonly TrainingExample[],
  order: Int32Array,
  batch: number,
  grouped: RandomSource | null,
): number[][] {
  const chunks = (places: readonly number[], size: number): number[][] =>
    Array.from({ length: Math.ceil(places.length / size) }, (_, i) => places.slice(i * size, (i + 1) * size));
  if (!grouped) return chunks([...order], batch);
  const batches = chunks([...order], batch * BATCHES_PER_GROUP).flatMap((group) =>
    chunks(byLength(examples, group), batch),
  );
  return Array.from(permutation(batches.length, grouped), (index) => batches[index]);
}
