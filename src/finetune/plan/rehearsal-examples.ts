import { byLength, type ExampleBatch, type ExampleSet } from "../examples.ts";

/** Vectorised kernels take lengths in fours; others are for the rest. */
const VECTOR = 4;

/**
 * What a set of examples is rehearsed with: a batch of the longest ones, which take most memory, and for the epochs from
 * `epochs` on one of shorter ones, if there are any that other kernels are chosen for.
 */
export class RehearsalExamples<Host> implements ExampleSet<Host> {
  readonly isAugmented: boolean;
  readonly fingerprint = {};
  readonly #longest: readonly number[];
  readonly #others: readonly number[];

  constructor(
    private readonly examples: ExampleSet<Host>,
    count: number,
    private readonly epochs = Number.POSITIVE_INFINITY,
  ) {
    this.isAugmented = examples.isAugmented;
    const order = byLength(examples);
    this.#longest = order.slice(-count);
    const length = (place: number): number => examples.lengthOf(place);
    const most = length(order[order.length - 1]) % VECTOR;
    const end = order.findLastIndex((place) => length(place) % VECTOR !== most && most === 0);
    this.#others = order.slice(Math.max(0, end + 1 - this.#longest.length), end + 1);
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
    const places = indices.map((index) => (isOther ? this.#others : this.#longest)[index]);
    const batch = this.examples.collate(places, epoch);
    return { ...batch, indices: isOther ? indices.map((index) => this.length + index) : indices };
  }

  checksum(): number {
    return 0;
  }
}
