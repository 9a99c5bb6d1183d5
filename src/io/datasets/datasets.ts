import { describeKind } from "../../tensor/require-kind.ts";
import {
  type ColumnOptions,
  type DelimitedOptions,
  fileError,
  readDelimited,
  readJsonLines,
  type TextRecord,
} from "./records.ts";

/** One text with its class. */
export interface TextExample {
  readonly text: string;
  readonly label: string;
}

/** Texts with classes, and the classes in a fixed order: a class's index is its place in `labels`. */
export interface TextDataset {
  readonly examples: readonly TextExample[];
  readonly labels: readonly string[];
}

/** How labelled texts are read. */
export interface TextDatasetOptions extends ColumnOptions {
  /**
   * The classes there are, in order; an example of any other is an error. When left out, they are those of the file,
   * sorted (numbers by value), and there must be at least two.
   */
  readonly labels?: readonly string[];
}

/** How texts without labels are read. */
export interface TextsOptions extends ColumnOptions {
  /** How a `.txt` file is read: as one text (the default), or as one text a line. */
  readonly plainText?: "whole" | "lines";
}

const DELIMITER_OF: Readonly<Record<string, string>> = { tsv: "\t", csv: "," };

/**
 * Reads a table of labelled texts: TSV (no quoting) or another delimiter (RFC 4180 quoting, line ends within quotes).
 *
 * The first row is a header when a column is asked for by name, or when one of its cells is `text` or `label`; without
 * header and options there are two columns: label, text. Labels are trimmed, texts are not.
 *
 * @throws naming file and line on a missing column, a row of another width, an empty label, a quote never closed
 */
export function parseDelimited(text: string, options: DelimitedOptions & TextDatasetOptions): TextDataset {
  return toDataset(readDelimited(text, options, true), options.file, options.labels);
}

/**
 * Reads labelled texts for classification; the file's extension says how: `.tsv`, `.csv`, `.jsonl`.
 *
 * @param name the file's name, for its extension and for errors
 * @param text what the file holds
 */
export function loadTextDataset(name: string, text: string, options: TextDatasetOptions = {}): TextDataset {
  requireText("loadTextDataset", name, text);
  if (extensionOf(name) === "txt") {
    throw fileError(name, null, "a .txt file has no labels; classification needs .tsv, .csv or .jsonl");
  }
  return toDataset(readRecords(name, text, options, true), name, options.labels);
}

/**
 * Reads texts alone, for language modelling and for prediction: the text column of a `.tsv`, `.csv` or `.jsonl` file,
 * or a `.txt` file.
 */
export function loadTexts(name: string, text: string, options: TextsOptions = {}): string[] {
  requireText("loadTexts", name, text);
  if (extensionOf(name) !== "txt") return readRecords(name, text, options, false).map((record) => record.text);
  const whole = text.replace(/^\u{FEFF}/u, "");
  const texts = options.plainText === "lines" ? whole.split(/\r?\n/).filter((line) => line !== "") : [whole];
  if (texts.every((part) => part === "")) throw fileError(name, null, "the file is empty");
  return texts;
}

function requireText(who: string, name: unknown, text: unknown): void {
  const odd = typeof name === "string" ? text : name;
  if (typeof odd === "string") return;
  throw new TypeError(`${who}: expected a file's name and its text, got ${describeKind(odd)}`);
}

/** Classes in a fixed order: numbers by value when all are numbers, else by code unit. No class appears twice. */
export function sortLabels(labels: Iterable<string>): string[] {
  const distinct = [...new Set(labels)].sort();
  const numeric = distinct.every((label) => /^[+-]?\d+(\.\d+)?$/.test(label));
  return numeric ? distinct.sort((a, b) => Number(a) - Number(b)) : distinct;
}

function readRecords(name: string, text: string, options: ColumnOptions, needLabels: boolean): TextRecord[] {
  const extension = extensionOf(name);
  if (extension === "jsonl" || extension === "ndjson") return readJsonLines(text, name, options, needLabels);
  const delimiter = DELIMITER_OF[extension];
  if (delimiter !== undefined) return readDelimited(text, { ...options, delimiter, file: name }, needLabels);
  throw fileError(name, null, "expected a file named .tsv, .csv, .jsonl or .txt");
}

function toDataset(records: readonly TextRecord[], file: string, known?: readonly string[]): TextDataset {
  const examples = records.map(({ text, label }) => ({ text, label: label as string }));
  if (known === undefined) {
    const labels = sortLabels(examples.map((example) => example.label));
    if (labels.length < 2) {
      throw fileError(file, null, `every example is of the class "${labels[0]}"; a classifier needs two or more`);
    }
    return { examples, labels };
  }
  for (const { label, line } of records) {
    if (!known.includes(label as string)) {
      throw fileError(file, line, `unknown class "${label}"; the classes are ${known.join(", ")}`);
    }
  }
  return { examples, labels: [...known] };
}

function extensionOf(name: string): string {
  return /\.([^./\\]+)$/.exec(name)?.[1].toLowerCase() ?? "";
}
