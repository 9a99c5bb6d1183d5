import { readFile } from "node:fs/promises";
import { type ByteSource, decodeText, loadTextDataset, loadTexts } from "../io/index.ts";
import { openFile } from "../io/node/index.ts";
import { shownUrl, urlSource } from "../io/remote/index.ts";
import type { DataSource } from "../jobs/job.ts";
import { NUMBERS } from "../jobs/settings.ts";
import { type Columns, DEFAULT_LENGTH } from "../jobs/tasks/text-data.ts";
import type { OptionDefinitions } from "./arguments.ts";

/** What `--data` may be. */
export const DATA_FORMS =
  ".tsv, .csv, .jsonl or, for lm, .txt; for images a folder of folders named by class, idx files or .safetensors; an " +
  "address of such a file";

/** Whether data lie at an address. They are read from there each time. */
export const isAddress = (place: string): boolean => /^https?:\/\//i.test(place);

/** Where the data of a command line lie. */
export const sourceOfData = (place: string): DataSource =>
  isAddress(place) ? { kind: "url", url: place } : { kind: "path", path: place };

/** What errors call data, and by whose extension their form is known. */
export const shownPlace = (place: string): string => (isAddress(place) ? shownUrl(place) : place);

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

/** @throws Error naming the path or address when there is no such file, or it is not UTF-8. */
export async function readTextFile(place: string, signal?: AbortSignal): Promise<string> {
  return decodeText(shownPlace(place), isAddress(place) ? await fetchFile(place, signal) : await readLocal(place));
}

async function readLocal(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const problems: Record<string, string> = { ENOENT: "no such file", EISDIR: "a directory, and not a file" };
    throw new Error(`${path}: ${problems[code ?? ""] ?? message}`);
  }
}

/** Opens a file of a disk, or at an address. @throws Error naming it when there is none. */
export const openPlace = (place: string, signal?: AbortSignal): Promise<ByteSource> =>
  isAddress(place) ? urlSource(place, { signal }) : openFile(place);

async function fetchFile(url: string, signal?: AbortSignal): Promise<Uint8Array> {
  const source = await urlSource(url, { signal });
  try {
    return await source.read(0, source.size);
  } finally {
    await source.close();
  }
}

/** Labelled texts of a file. With `labels` given, any other label is an error that names the line. */
export async function readLabelled(
  place: string,
  columns: Columns,
  { labels, signal }: { labels?: readonly string[]; signal?: AbortSignal } = {},
) {
  const options = { ...columns, ...(labels ? { labels: [...labels] } : {}) };
  return loadTextDataset(shownPlace(place), await readTextFile(place, signal), options);
}

/** Texts of a file, labels left out. */
export async function readTexts(
  place: string,
  { textColumn }: Columns,
  plainText: "whole" | "lines",
  signal?: AbortSignal,
): Promise<string[]> {
  return loadTexts(shownPlace(place), await readTextFile(place, signal), { textColumn, plainText });
}
