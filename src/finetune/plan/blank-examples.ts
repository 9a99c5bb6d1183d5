import type { ImageInputs, TokenInputs } from "../../models/index.ts";
import type { ExampleBatch, ExampleSet } from "../examples.ts";

/** Texts that have a length and nothing else: every token and every label is 0. */
export class BlankTexts implements ExampleSet<TokenInputs> {
  readonly isAugmented = false;
  readonly fingerprint = {};

  /** @param perToken whether each token has a label, as a language model's have, or each text one */
  constructor(
    readonly length: number,
    private readonly tokens: number,
    private readonly perToken: boolean,
  ) {}

  lengthOf(): number {
    return this.tokens;
  }

  labelOf(): number {
    return 0;
  }

  collate(indices: readonly number[]): ExampleBatch<TokenInputs> {
    const { length: batch } = indices;
    const count = batch * this.tokens;
    const labels = new Int32Array(this.perToken ? count : batch);
    return {
      ...{ inputIds: new Int32Array(count), batch, length: this.tokens },
      ...{ indices, labels, counted: labels.length, tokens: count, lengths: indices.map(() => this.tokens) },
    };
  }

  checksum(): number {
    return 0;
  }
}

/** Images that have a shape and nothing else. */
export class BlankImages implements ExampleSet<ImageInputs> {
  readonly isAugmented = false;
  readonly fingerprint = {};

  /** @param shape [channels, height, width] */
  constructor(
    readonly length: number,
    private readonly shape: readonly [number, number, number],
  ) {}

  lengthOf(): number {
    return 1;
  }

  labelOf(): number {
    return 0;
  }

  collate(indices: readonly number[]): ExampleBatch<ImageInputs> {
    const { length: batch } = indices;
    const [channels, height, width] = this.shape;
    const pixels = new Float32Array(batch * channels * height * width);
    const labels = new Int32Array(batch);
    return { pixels, batch, channels, height, width, indices, labels, counted: batch, tokens: batch };
  }

  checksum(): number {
    return 0;
  }
}
