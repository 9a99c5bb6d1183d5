import { byLength, type ExampleBatch, type ExampleSet } from "../examples.ts";

/** The longest examples of a set, as a set: the batches that take most memory. */
export class LongestExamples<Host> implements ExampleSet<Host> {
  readonly isAugmented: boolean;
  readonly fingerprint = {};
  readonly #places: readonly number[];

  constructor(
    private readonly examples: ExampleSet<Host>,
    count: number,
  ) {
    this.isAugmented = examples.isAugmented;
    this.#places = byLength(examples).slice(-count);
  }

  get length(): number {
    return this.#places.length;
  }

  lengthOf(index: number): number {
    return this.examples.lengthOf(this.#places[index]);
  }

  labelOf(index: number): number {
    return this.examples.labelOf(this.#places[index]);
  }

  collate(indices: readonly number[], epoch?: number): ExampleBatch<Host> {
    const places = indices.map((index) => this.#places[index]);
    return { ...this.examples.collate(places, epoch), indices };
  }

  checksum(): number {
    return 0;
  }
}
