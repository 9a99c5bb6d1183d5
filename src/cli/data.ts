import { readFile } from "node:fs/promises";
import { loadTextDataset, loadTexts } from "../io/index.ts";
import { NUMBERS } from "../jobs/settings.ts";
import { type Columns, DEFAULT_LENGTH } from "../jobs/tasks/text-data.ts";
import type { OptionDefinitions } from "./arguments.ts";

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

export const LENGTH_OPTION = {
  ...NUMBERS.maxLength,
  description: `tokens of a text, or of a window of text; ${DEFAULT_LENGTH} by default, or what positions the model has`,
} as const;

/** @throws Error naming the path when there is no such file, or it is not UTF-8. */
export async function readTextFile(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const problems: Record<string, string> = { ENOENT: "no such file", EISDIR: "a directory, and not a file" };
    throw new Error(`${path}: ${problems[code ?? ""] ?? message}`);
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
