import { classificationExamples, languageExamples, type TrainingExample } from "../../finetune/index.ts";
import {
  labelIndices,
  loadTexts,
  packTokens,
  type TextExample,
  type Tokenizer,
  tokenizeExamples,
} from "../../io/index.ts";
import type { GPT2Config } from "../../models/index.ts";
import { JobError, SettingError } from "../errors.ts";

/** Tokens of a text, or of a window of text, when nothing is asked for. */
export const DEFAULT_LENGTH = 128;

/** The length asked for or its default. @throws SettingError when the model has fewer positions than are asked for. */
export function maximumLength(asked: number | undefined, { positions }: GPT2Config): number {
  if (asked !== undefined && asked > positions) {
    throw new SettingError((n) => `${n("maxLength")} ${asked} exceeds the model's ${positions} positions`);
  }
  return asked ?? Math.min(DEFAULT_LENGTH, positions);
}

export interface Columns {
  readonly labelColumn?: string;
  readonly textColumn?: string;
}

export interface EncodingOptions {
  readonly tokenizer: Tokenizer;
  readonly maxLength: number;
}

export function encodeLabelled(
  examples: readonly TextExample[],
  labels: readonly string[],
  { tokenizer, maxLength }: EncodingOptions,
): TrainingExample[] {
  return classificationExamples(tokenizeExamples(tokenizer, examples, { maxLength }), labelIndices(examples, labels));
}

/**
 * Windows of `maxLength` tokens over the texts of a file, one after another with an end-of-text token between them.
 *
 * @param name the file, for its extension and for errors
 */
export function encodeLanguage(
  name: string,
  text: string,
  { textColumn }: Columns,
  { tokenizer, maxLength }: EncodingOptions,
): TrainingExample[] {
  const ids: number[] = [];
  for (const part of loadTexts(name, text, { textColumn, plainText: "whole" })) {
    if (ids.length > 0 && tokenizer.eosTokenId !== null) ids.push(tokenizer.eosTokenId);
    for (const id of tokenizer.encode(part)) ids.push(id);
  }
  if (ids.length <= maxLength) {
    throw new JobError(
      (n) =>
        `${name}: ${ids.length} tokens are too few for a window of ${maxLength} and the token after it; ` +
        `lower ${n("maxLength")}`,
    );
  }
  return languageExamples(packTokens(ids, maxLength));
}

/** The last windows of text are kept for validation. */
export function splitLanguage(
  examples: TrainingExample[],
  fraction: number,
): { train: TrainingExample[]; valid: TrainingExample[] } {
  const count = Math.max(1, Math.round(examples.length * fraction));
  if (count >= examples.length) {
    throw new JobError(
      (n) =>
        `${examples.length} windows of text are too few to keep ${count} for validation; ` +
        `give ${n("valid")} or lower ${n("maxLength")}`,
    );
  }
  return { train: examples.slice(0, -count), valid: examples.slice(-count) };
}
