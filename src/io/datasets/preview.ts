import { BYTE_ORDER_MARK, type Row, splitQuotedRows, splitRows } from "./records.ts";

/** The beginning of a table, as far as it can be read: to show what its columns are before anything is made of it. */
export interface TablePreview {
  /** Cells of the first row of a delimited file, which may be names or not; keys of the objects of a JSONL file. */
  readonly columns: readonly string[];
  /** Cells of the rows that follow, in the order of the columns. */
  readonly rows: readonly (readonly string[])[];
}

/** Characters that are looked at. */
const MOST_CHARACTERS = 65536;

/**
 * The first rows of a `.tsv`, `.csv`, `.jsonl` or `.ndjson` file; null for a file of another kind, or one that cannot be
 * read.
 *
 * @param name the file's name, for its extension
 * @param text what the file holds
 */
export function previewTable(name: string, text: string, most: number): TablePreview | null {
  const content = text.slice(0, MOST_CHARACTERS).replace(BYTE_ORDER_MARK, "");
  // What is cut off in the middle of a row is not looked at.
  const whole = text.length > MOST_CHARACTERS ? content.slice(0, content.lastIndexOf("\n") + 1) : content;
  const extension = /\.(\w+)$/.exec(name)?.[1].toLowerCase();
  try {
    if (extension === "jsonl" || extension === "ndjson") return previewObjects(whole, most);
    if (extension === "tsv") return ofRows(splitRows(whole, "\t"), most);
    return extension === "csv" ? ofRows(splitQuotedRows(whole, ",", name), most) : null;
  } catch {
    return null;
  }
}

function ofRows([first, ...others]: readonly Row[], most: number): TablePreview | null {
  return first ? { columns: first.cells, rows: others.slice(0, most).map(({ cells }) => cells) } : null;
}

function previewObjects(text: string, most: number): TablePreview {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const objects = lines.slice(0, most).map((line) => JSON.parse(line) as Record<string, unknown>);
  const columns = [...new Set(objects.flatMap((object) => Object.keys(object)))];
  return { columns, rows: objects.map((object) => columns.map((key) => String(object[key] ?? ""))) };
}
