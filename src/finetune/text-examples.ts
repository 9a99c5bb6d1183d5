import { padBatch, type TokenBlock } from "../io/index.ts";
import type { TokenInputs } from "../models/index.ts";
import { requireList, requireObject } from "../tensor/require-kind.ts";
import { type ExampleBatch, type ExampleSet, hashValues } from "./examples.ts";

/** Label of positions that count nothing, as in PyTorch. */
export const IGNORE_INDEX = -100;

/** One training example of text: a class for the whole of it, or a target for each token. */
export interface TrainingExample {
  readonly inputIds: Int32Array;
  /** One class index, or as many token ids as there are inputs. */
  readonly labels: Int32Array;
}

/** Examples of texts with one class each. */
export function classificationExamples(
  tokens: readonly { inputIds: Int32Array }[],
  classes: Int32Array,
): TrainingExample[] {
  requireList("classificationExamples", tokens, "tokenized texts { inputIds } in an array");
  requireObject("classificationExamples", classes, "classes as an Int32Array, as labelIndices gives", ["slice"]);
  return tokens.map(({ inputIds }, i) => ({ inputIds, labels: classes.slice(i, i + 1) }));
}

/** Examples of text windows with the next token as each token's target. */
export function languageExamples(blocks: readonly TokenBlock[]): TrainingExample[] {
  requireList("languageExamples", blocks, "blocks { inputs, targets } in an array, as packTokens gives");
  return blocks.map(({ inputs, targets }) => ({ inputIds: inputs, labels: targets }));
}

/** Texts as the trainer takes them: padded on the right, and their targets with them. */
export class TextExamples implements ExampleSet<TokenInputs> {
  readonly isAugmented = false;
  readonly fingerprint = {};

  /**
   * @param padId token id of padding; it has no influence.
   * @throws RangeError naming an example that has neither one label nor one for each token.
   */
  constructor(
    private readonly examples: readonly TrainingExample[],
    private readonly padId: number,
  ) {
    requireList("TextExamples", examples, "examples { inputIds, labels } in an array");
    for (const [i, { inputIds, labels }] of examples.entries()) {
      if (labels.length === 1 || labels.length === inputIds.length) continue;
      const count = `${inputIds.length} tokens and ${labels.length} labels`;
      throw new RangeError(`example ${i} has ${count}; expected one class, or a label for each token`);
    }
  }

  get length(): number {
    return this.examples.length;
  }

  lengthOf(index: number): number {
    return this.examples[index].inputIds.length;
  }

  labelOf(index: number): number {
    return this.examples[index].labels[0];
  }

  collate(indices: readonly number[]): ExampleBatch<TokenInputs> {
    const rows = indices.map((index) => this.examples[index]);
    const padded = padBatch(
      rows.map((row) => row.inputIds),
      { padId: this.padId },
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

  checksum(): number {
    let hash: number | undefined;
    for (const { inputIds, labels } of this.examples) {
      for (const values of [[inputIds.length], inputIds, labels]) hash = hashValues(values, hash);
    }
    return (hash ?? hashValues([])) >>> 0;
  }
}
