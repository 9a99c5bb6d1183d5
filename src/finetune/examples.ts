import { permutation, type RandomSource } from "../io/index.ts";

/** What the trainer knows of a batch whatever it is made of. */
export interface BatchInfo {
  /** Places of the rows in the data set. */
  readonly indices: readonly number[];
  /** [batch] classes, or [batch · length] targets with padding ignored. */
  readonly labels: Int32Array;
  /** Labels that count. */
  readonly counted: number;
  /** Tokens without padding; images. */
  readonly tokens: number;
  /** Tokens of each row, without padding; absent where a row has none, as an image. */
  readonly lengths?: readonly number[];
  /** Tokens of the longest row. */
  readonly length?: number;
}

/** Some examples as a model takes them, still on the host. */
export type ExampleBatch<Host> = Host & BatchInfo;

/** Examples of one kind in a fixed order, and how some of them become a batch. */
export interface ExampleSet<Host> {
  readonly length: number;
  /** Whether an example looks different each epoch, so that nothing computed from it can be kept. */
  readonly isAugmented: boolean;
  /** What a run that goes on must have had, besides the examples themselves; shown when it differs. */
  readonly fingerprint: Readonly<Record<string, string | number | null>>;
  /** What similar examples have in common for batching: tokens of a text; the same for all images. */
  lengthOf(index: number): number;
  /** Class of an example, for classification. */
  labelOf(index: number): number;
  /** A batch for training in an epoch, from 0; as they are without one. The same arguments give the same batch. */
  collate(indices: readonly number[], epoch?: number): ExampleBatch<Host>;
  /** A number that two data sets have in common only by chance. */
  checksum(): number;
}

/** Adds values to an FNV-1a hash; without one it begins. */
export function hashValues(values: ArrayLike<number>, hash = 0x811c9dc5): number {
  let result = hash;
  for (let i = 0; i < values.length; i++) result = Math.imul(result ^ values[i], 0x01000193);
  return result;
}

/** Places of the examples from the shortest to the longest; equals in the order of the data. */
export function byLength(examples: ExampleSet<unknown>, places?: readonly number[]): number[] {
  const order = places ? [...places] : Array.from({ length: examples.length }, (_, index) => index);
  return order.sort((a, b) => examples.lengthOf(a) - examples.lengthOf(b) || a - b);
}

/** Optimizer steps of one pass over so many examples. */
export const stepsOfEpoch = (
  examples: number,
  { batch, accumulate = 1 }: { readonly batch: number; readonly accumulate?: number },
): number => Math.ceil(Math.ceil(examples / batch) / accumulate);

/** Batches among which lengths are sorted when texts are grouped by length. */
const BATCHES_PER_GROUP = 8;

/**
 * The batches of an epoch from a shuffled order: consecutive runs, or, grouped by length, runs of a few batches' worth
 * sorted by length and then dealt in random order. Grouping computes less padding; each example still comes once.
 */
export function batchesOf(
  examples: ExampleSet<unknown>,
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
