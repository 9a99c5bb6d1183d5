import { requireList, requireObject } from "../../tensor/require-kind.ts";
import type { RandomSource } from "./random.ts";

/** What is needed of a tokenizer; `Tokenizer` is one. */
export interface TextEncoding {
  readonly eosTokenId: number | null;
  encode(text: string): number[];
}

/** A tokenized text with its class. */
export interface TokenizedExample {
  readonly inputIds: Int32Array;
  readonly label: string;
}

/** Token sequences of one batch, padded to one length. */
export interface PaddedBatch {
  /** [batch, length] */
  readonly inputIds: Int32Array;
  /** [batch, length]: 1 on tokens, 0 on padding */
  readonly attentionMask: Int32Array;
  readonly length: number;
  readonly batch: number;
}

/** A window for language modelling: `targets[t]` is the token that follows `inputs[t]`. Both have the block's length. */
export interface TokenBlock {
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
}

/**
 * Tokenizes examples, without special tokens, each cut on the right to its first `maxLength` tokens. A text without
 * tokens becomes a single end-of-text token, so that there is one to pool at.
 */
export function tokenizeExamples(
  tokenizer: TextEncoding,
  examples: readonly { readonly text: string; readonly label: string }[],
  options: { readonly maxLength: number },
): TokenizedExample[] {
  requireObject("tokenizeExamples", tokenizer, "a tokenizer, as Tokenizer.fromDirectory gives", ["encode"]);
  requireList("tokenizeExamples", examples, "examples { text, label } in an array");
  requireObject("tokenizeExamples", options, "options { maxLength }");
  const { maxLength } = options;
  if (!Number.isInteger(maxLength) || maxLength < 1) {
    throw new RangeError(`expected a maximum length of at least one token, got ${maxLength}`);
  }
  return examples.map(({ text, label }, i) => {
    const ids = tokenizer.encode(text);
    if (ids.length === 0) {
      if (tokenizer.eosTokenId === null) {
        throw new Error(`example ${i} has no tokens, and the tokenizer has no end-of-text token to stand for it`);
      }
      ids.push(tokenizer.eosTokenId);
    }
    return { inputIds: Int32Array.from(ids.slice(0, maxLength)), label };
  });
}

/** The place of each example's class in `labels`. */
export function labelIndices(examples: readonly { readonly label: string }[], labels: readonly string[]): Int32Array {
  requireList("labelIndices", examples, "examples { label } in an array");
  requireList("labelIndices", labels, "labels in an array");
  const indexOf = new Map(labels.map((label, i) => [label, i]));
  return Int32Array.from(examples, ({ label }, i) => {
    const index = indexOf.get(label);
    if (index === undefined)
      throw new Error(`example ${i}: unknown class "${label}"; the classes are ${labels.join(", ")}`);
    return index;
  });
}

/**
 * Puts sequences into one [batch, length] array, `length` being that of the longest.
 *
 * @param padId what stands in the padding, which the attention mask excludes
 * @param side where the padding goes; the default is "right"
 * @throws when there is no sequence or one of them is empty
 */
export function padBatch(
  sequences: readonly ArrayLike<number>[],
  options: { readonly padId: number; readonly side?: "right" | "left" },
): PaddedBatch {
  requireList("padBatch", sequences, "sequences of token ids in an array");
  requireObject("padBatch", options, "options { padId }");
  const { padId, side = "right" } = options;
  const batch = sequences.length;
  if (batch === 0) throw new RangeError("a batch needs at least one sequence");
  const empty = sequences.findIndex((sequence) => sequence.length === 0);
  if (empty >= 0) throw new RangeError(`sequence ${empty} of the batch has no tokens`);
  const length = sequences.reduce((longest, sequence) => Math.max(longest, sequence.length), 0);
  const inputIds = new Int32Array(batch * length).fill(padId);
  const attentionMask = new Int32Array(batch * length);
  for (const [row, sequence] of sequences.entries()) {
    const start = row * length + (side === "left" ? length - sequence.length : 0);
    inputIds.set(sequence, start);
    attentionMask.fill(1, start, start + sequence.length);
  }
  return { inputIds, attentionMask, length, batch };
}

/**
 * Cuts a text's tokens into consecutive windows: window k holds the tokens from k·blockLength on, its targets the same
 * shifted by one. What is left at the end and fills no window is dropped.
 *
 * @throws when there are not enough tokens for one window
 */
export function packTokens(ids: ArrayLike<number>, blockLength: number): TokenBlock[] {
  requireOneBlock(ids, blockLength);
  const tokens = asInt32(ids);
  const blocks: TokenBlock[] = [];
  for (let start = 0; start + blockLength + 1 <= tokens.length; start += blockLength) {
    blocks.push(blockAt(tokens, start, blockLength));
  }
  return blocks;
}

/** `count` windows of a text's tokens at random places: start = floor(u·(tokens - blockLength)). */
export function randomBlocks(
  ids: ArrayLike<number>,
  blockLength: number,
  count: number,
  random: RandomSource,
): TokenBlock[] {
  requireOneBlock(ids, blockLength);
  const tokens = asInt32(ids);
  return Array.from({ length: count }, () =>
    blockAt(tokens, Math.floor(random.next() * (tokens.length - blockLength)), blockLength),
  );
}

function asInt32(ids: ArrayLike<number>): Int32Array {
  return ids instanceof Int32Array ? ids : Int32Array.from(ids);
}

function blockAt(tokens: Int32Array, start: number, blockLength: number): TokenBlock {
  return {
    inputs: tokens.subarray(start, start + blockLength),
    targets: tokens.subarray(start + 1, start + blockLength + 1),
  };
}

function requireOneBlock(ids: ArrayLike<number>, blockLength: number): void {
  if (!Number.isInteger(blockLength) || blockLength < 1) {
    throw new RangeError(`expected a block length of at least one token, got ${blockLength}`);
  }
  if (ids.length < blockLength + 1) {
    throw new RangeError(`${ids.length} tokens are too few for a block of ${blockLength} and the token after it`);
  }
}
