import { byLength, type ExampleBatch, type ExampleSet } from "../examples.ts";

/** Vectorised kernels take lengths in fours; others are for the rest. */
const VECTOR = 4;

/** Which examples, in the order of their lengths, make the largest batch where they are taken in that order. */
export function largestBatch(examples: ExampleSet<unknown>, size: number): { begin: number; end: number } {
  const order = byLength(examples);
  const lastFull = Math.max(0, Math.floor(order.length / size) * size - size);
  const begins = [lastFull, lastFull + size].filter((begin) => begin < order.length);
  const places = begins.map((begin) => ({ begin, end: Math.min(begin + size, order.length) }));
  const area = ({ begin, end }: { begin: number; end: number }): number =>
    (end - begin) * examples.lengthOf(order[end - 1]);
  return places.reduce((a, b) => (area(b) > area(a) ? b : a));
}

/**
 * What a set of examples is rehearsed with: some of the longest ones, which take most memory, and for the epochs from
 * `epochs` on as many shorter ones, if there are any that other kernels are chosen for.
 */
export class RehearsalExamples<Host> implements ExampleSet<Host> {
  readonly isAugmented: boolean;
  readonly fingerprint = {};
  readonly #longest: readonly number[];
  readonly #others: readonly number[];
  /** Batches by their size and kind, of examples that are all alike. */
  readonly #alike = new Map<string, ExampleBatch<Host>>();

  constructor(
    private readonly examples: ExampleSet<Host>,
    { begin, end }: { begin: number; end: number },
    private readonly epochs = Number.POSITIVE_INFINITY,
  ) {
    this.isAugmented = examples.isAugmented;
    const order = byLength(examples);
    this.#longest = order.slice(Math.max(0, begin), end);
    const length = (place: number): number => examples.lengthOf(place);
    const most = length(order[order.length - 1]) % VECTOR;
    const last = order.findLastIndex((place) => length(place) % VECTOR !== most && most === 0);
    this.#others = order.slice(Math.max(0, last + 1 - this.#longest.length), last + 1);
  }

  get length(): number {
    return this.#longest.length;
  }

  /** Whether there are examples for the epochs from `epochs` on. */
  get hasOthers(): boolean {
    return this.#others.length === this.length;
  }

  lengthOf(index: number): number {
    return this.examples.lengthOf(this.#longest[index]);
  }

  labelOf(index: number): number {
    return this.examples.labelOf(this.#longest[index]);
  }

  collate(indices: readonly number[], epoch?: number): ExampleBatch<Host> {
    const isOther = epoch !== undefined && epoch >= this.epochs;
    const key = `${indices.length} ${isOther}`;
    const places = indices.map((index) => (isOther ? this.#others : this.#longest)[index]);
    const batch = this.#alike.get(key) ?? this.examples.collate(places, epoch);
    // Images are decoded once: what is on them does not count here.
    if (batch.lengths === undefined) this.#alike.set(key, batch);
    return { ...batch, indices: isOther ? indices.map((index) => this.length + index) : indices };
  }

  checksum(): number {
    return 0;
  }
}
