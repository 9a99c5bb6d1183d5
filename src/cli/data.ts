import { readFile } from "node:fs/promises";
import { classificationExamples, languageExamples, type TrainingExample } from "../finetune/index.ts";
import {
  labelIndices,
  loadTextDataset,
  loadTexts,
  packTokens,
  type TextExample,
  type Tokenizer,
  tokenizeExamples,
} from "../io/index.ts";
import type { GPT2Config } from "../models/index.ts";
import { type OptionDefinitions, UsageError } from "./arguments.ts";

/** What `--data` may be. */
export const DATA_FORMS =
  ".tsv, .csv, .jsonl or, for lm, .txt; for images a folder of folders named by class, idx files or .safetensors";

/** Options of every command that reads texts. */
export const DATA_OPTIONS = {
  labelColumn: {
    type: "string",
    placeholder: "NAME",
    description: "column of the label, by name or place from 0 (.tsv, .csv)",
  },
  textColumn: { type: "string", placeholder: "NAME", description: "column of the text, by name or place from 0" },
} as const satisfies OptionDefinitions;

/** Tokens of a text, or of a window of text, when nothing is asked for. */
const DEFAULT_LENGTH = 128;

export const LENGTH_OPTION = {
  type: "integer",
  min: 1,
  description: `tokens of a text, or of a window of text; ${DEFAULT_LENGTH} by default, or what positions the model has`,
} as const;

/** `--max-length` or its default. @throws UsageError when the model has fewer positions than are asked for. */
export function maximumLength(asked: number | undefined, { positions }: GPT2Config): number {
  if (asked !== undefined && asked > positions) {
    throw new UsageError(`--max-length ${asked} exceeds the model's ${positions} positions`);
  }
  return asked ?? Math.min(DEFAULT_LENGTH, positions);
}

export interface Columns {
  readonly labelColumn?: string;
  readonly textColumn?: string;
}

async function readTextFile(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(code === "ENOENT" ? `${path}: no such file` : `${path}: ${message}`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${path}: the file is not valid UTF-8`);
  }
}

/** Labelled texts of a file. With `labels` given, any other label is an error that names the line. */
export async function readLabelled(path: string, columns: Columns, labels?: readonly string[]) {
  return loadTextDataset(path, await readTextFile(path), { ...columns, ...(labels ? { labels: [...labels] } : {}) });
}

/** Texts of a file, labels left out. */
export async function readTexts(
  path: string,
  { textColumn }: Columns,
  plainText: "whole" | "lines",
): Promise<string[]> {
  return loadTexts(path, await readTextFile(path), { textColumn, plainText });
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

/** Windows of `maxLength` tokens over the texts, one after another with an end-of-text token between them. */
export async function encodeLanguage(
  path: string,
  columns: Columns,
  options: EncodingOptions,
): Promise<TrainingExample[]> {
  const { tokenizer, maxLength } = options;
  const ids: number[] = [];
  for (const text of await readTexts(path, columns, "whole")) {
    if (ids.length > 0 && tokenizer.eosTokenId !== null) ids.push(tokenizer.eosTokenId);
    for (const id of tokenizer.encode(text)) ids.push(id);
  }
  if (ids.length <= maxLength) {
    throw new Error(
      `${path}: ${ids.length} tokens are too few for a window of ${maxLength} and the token after it; lower --max-length`,
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
    throw new Error(
      `${examples.length} windows of text are too few to keep ${count} for validation; give --valid or lower --max-length`,
    );
  }
  return { train: examples.slice(0, -count), valid: examples.slice(-count) };
}
