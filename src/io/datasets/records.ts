/** A cell table or a list of JSON objects, reduced to what a dataset needs of each row. */
export interface TextRecord {
  readonly text: string;
  /** `null` when only texts are read. */
  readonly label: string | null;
  /** 1-based line of the file at which the record begins. */
  readonly line: number;
}

/** Which columns of a table are meant. */
export interface ColumnOptions {
  /** Header name, or 0-based index. A string of digits that is no header name counts as an index. */
  readonly labelColumn?: string | number;
  readonly textColumn?: string | number;
  /** Whether the first row names the columns; found out by itself when left open. */
  readonly header?: boolean;
}

export interface DelimitedOptions extends ColumnOptions {
  /** One character. Cells are quoted as RFC 4180 has it, but for tabs: there a quote is a character like any other. */
  readonly delimiter: string;
  /** For error messages. */
  readonly file: string;
}

export interface Row {
  readonly cells: readonly string[];
  readonly line: number;
}

export const BYTE_ORDER_MARK = /^\u{FEFF}/u;

/** An error about a file, with the line where there is one. */
export function fileError(file: string, line: number | null, message: string): Error {
  return new Error(line === null ? `${file}: ${message}` : `${file}: line ${line}: ${message}`);
}

/**
 * Reads the records of a TSV or CSV file.
 *
 * The first row is a header when a column is asked for by name, or when one of its cells is `text` or `label`.
 * Without a header and without options, there are two columns: label, text.
 *
 * @param withLabels whether labels are read, and a missing label column is an error
 */
export function readDelimited(text: string, options: DelimitedOptions, withLabels: boolean): TextRecord[] {
  const { file, delimiter } = options;
  const content = text.replace(BYTE_ORDER_MARK, "");
  const rows = delimiter === "\t" ? splitRows(content, delimiter) : splitQuotedRows(content, delimiter, file);
  if (rows.length === 0) throw fileError(file, null, "the file is empty");
  const columns = findColumns(rows[0], options, withLabels);
  const body = columns.header ? rows.slice(1) : rows;
  if (body.length === 0) throw fileError(file, null, "there is a header, but no row after it");
  const width = rows[0].cells.length;
  return body.map(({ cells, line }) => {
    if (cells.length !== width) {
      throw fileError(file, line, `expected ${width} columns as in line ${rows[0].line}, found ${cells.length}`);
    }
    const label = columns.label === null ? null : cells[columns.label].trim();
    if (label === "") throw fileError(file, line, "the label is empty");
    return { text: cells[columns.text], label, line };
  });
}

/** Reads the records of a file with one JSON object a line; columns are its keys, `text` and `label` by default. */
export function readJsonLines(
  text: string,
  file: string,
  { labelColumn = "label", textColumn = "text" }: ColumnOptions,
  withLabels: boolean,
): TextRecord[] {
  const records: TextRecord[] = [];
  for (const [index, content] of text.replace(BYTE_ORDER_MARK, "").split("\n").entries()) {
    if (content.trim() === "") continue;
    const line = index + 1;
    let object: unknown;
    try {
      object = JSON.parse(content);
    } catch (error) {
      throw fileError(file, line, `not valid JSON: ${(error as Error).message}`);
    }
    if (typeof object !== "object" || object === null || Array.isArray(object)) {
      throw fileError(file, line, "expected a JSON object");
    }
    const fields = new Map<string, unknown>(Object.entries(object));
    const keys = [...fields.keys()].join(", ");
    const value = fields.get(String(textColumn));
    if (typeof value !== "string") {
      const found = value === undefined ? `the keys are ${keys || "none"}` : `it is ${JSON.stringify(value)}`;
      throw fileError(file, line, `expected a string under "${textColumn}"; ${found}`);
    }
    const label = fields.get(String(labelColumn));
    if (label === undefined && withLabels) {
      throw fileError(file, line, `expected a label under "${labelColumn}"; the keys are ${keys}`);
    }
    records.push({ text: value, label: withLabels ? labelOf(label, file, line) : null, line });
  }
  if (records.length === 0) throw fileError(file, null, "the file is empty");
  return records;
}

function labelOf(value: unknown, file: string, line: number): string {
  if (!["string", "number", "boolean"].includes(typeof value)) {
    throw fileError(file, line, `expected a label that is a string, number or boolean, found ${JSON.stringify(value)}`);
  }
  const label = String(value).trim();
  if (label === "") throw fileError(file, line, "the label is empty");
  return label;
}

export function splitRows(text: string, delimiter: string): Row[] {
  const rows: Row[] = [];
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    if (content !== "") rows.push({ cells: content.split(delimiter), line: index + 1 });
  }
  return rows;
}

/** RFC 4180: cells in double quotes may hold delimiters, line ends, and quotes written twice. */
export function splitQuotedRows(text: string, delimiter: string, file: string): Row[] {
  const rows: Row[] = [];
  let position = 0;
  let line = 1;
  while (position < text.length) {
    const start = line;
    const cells: string[] = [];
    for (;;) {
      let cell: string;
      if (text[position] === '"') {
        const end = closingQuote(text, position);
        if (end < 0) throw fileError(file, line, "a quote is opened and never closed");
        cell = text.slice(position + 1, end).replaceAll('""', '"');
        line += countLineEnds(cell);
        position = end + 1;
        const after = text[position];
        if (after !== undefined && after !== delimiter && after !== "\n" && !text.startsWith("\r\n", position)) {
          throw fileError(file, line, `expected "${delimiter}" or the end of the line after a closing quote`);
        }
      } else {
        const end = unquotedEnd(text, position, delimiter);
        cell = text.slice(position, end);
        position = end;
      }
      cells.push(cell);
      if (text[position] !== delimiter) break;
      position++;
    }
    if (text[position] === "\r") position++;
    if (text[position] === "\n") position++;
    line++;
    if (cells.length > 1 || cells[0] !== "") rows.push({ cells, line: start });
  }
  return rows;
}

function closingQuote(text: string, opening: number): number {
  let quote = text.indexOf('"', opening + 1);
  while (quote >= 0 && text[quote + 1] === '"') quote = text.indexOf('"', quote + 2);
  return quote;
}

function unquotedEnd(text: string, start: number, delimiter: string): number {
  let end = start;
  while (end < text.length && text[end] !== delimiter && text[end] !== "\n" && !text.startsWith("\r\n", end)) end++;
  return end;
}

function countLineEnds(text: string): number {
  return text.split("\n").length - 1;
}

/** What separates columns, as people call it. A spreadsheet may take semicolons where commas stand in numbers. */
const DELIMITERS: Readonly<Record<string, string>> = { ",": "commas", "\t": "tabs", ";": "semicolons" };

/** What seems to separate the columns of a line that is one cell. */
const otherDelimiter = (line: string, delimiter: string): string | undefined =>
  Object.entries(DELIMITERS).find(([other]) => other !== delimiter && line.includes(other))?.[1];

function findColumns(
  first: Row,
  { labelColumn, textColumn, header, file, delimiter }: DelimitedOptions,
  withLabels: boolean,
): { text: number; label: number | null; header: boolean } {
  const names = first.cells.map((cell) => cell.trim());
  const lowerCase = names.map((name) => name.toLowerCase());
  const isIndex = (column: string | number | undefined): boolean =>
    typeof column === "number" || (column !== undefined && /^\d+$/.test(column) && !names.includes(column));
  const byName = [labelColumn, textColumn].some((column) => column !== undefined && !isIndex(column));
  const hasHeader = header ?? (byName || lowerCase.includes("text") || lowerCase.includes("label"));
  const width = names.length;

  const asked = (column: string | number, role: string): number => {
    if (isIndex(column)) {
      const index = Number(column);
      if (Number.isInteger(index) && index >= 0 && index < width) return index;
      throw fileError(file, first.line, `${role} column ${column} of ${width} (columns count from 0)`);
    }
    if (!hasHeader)
      throw fileError(file, null, `${role} column "${column}" is asked for by name, but there is no header`);
    const exact = names.indexOf(column as string);
    const index = exact >= 0 ? exact : lowerCase.indexOf((column as string).toLowerCase());
    if (index < 0) throw fileError(file, first.line, `no column "${column}"; the header has ${names.join(", ")}`);
    return index;
  };
  /** Without being told: by the header, or what remains of two columns, or label before text. */
  const guessed = (role: "label" | "text", other: number | null): number | null => {
    const named = hasHeader ? lowerCase.indexOf(role) : -1;
    if (named >= 0) return named;
    if (width === 2 && other !== null) return 1 - other;
    if (hasHeader) return null;
    if (width === 2) return role === "label" ? 0 : 1;
    return width === 1 && role === "text" && !withLabels ? 0 : null;
  };

  const askedLabel = labelColumn === undefined ? null : asked(labelColumn, "label");
  const askedText = textColumn === undefined ? null : asked(textColumn, "text");
  const text = askedText ?? guessed("text", askedLabel);
  const label = withLabels ? (askedLabel ?? guessed("label", askedText)) : null;
  const missing = text === null ? "text" : withLabels && label === null ? "label" : null;
  if (missing !== null) {
    const other = width === 1 ? otherDelimiter(names[0], delimiter) : undefined;
    if (other !== undefined) {
      const expected = DELIMITERS[delimiter] ?? `"${delimiter}"`;
      throw fileError(
        file,
        first.line,
        `expected columns separated by ${expected}, found ${other}; save it with ${expected}`,
      );
    }
    const found = hasHeader ? `the header has ${names.join(", ")}` : `no header and ${width} column(s)`;
    throw fileError(file, first.line, `which column is the ${missing}? found ${found}; name it or give its index`);
  }
  if (text === label) throw fileError(file, first.line, `label and text are the same column, ${text}`);
  return { text: text as number, label, header: hasHeader };
}
