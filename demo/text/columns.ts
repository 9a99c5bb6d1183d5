import { previewTable, type TablePreview } from "../../src/io/index.ts";
import type { DataSource } from "../../src/jobs/index.ts";
import { fill, h } from "../shared/dom.ts";
import { selectField } from "../shared/field.ts";
import type { App, State } from "./app.ts";

/** Which columns of a file are the label and the text. */
export interface Columns {
  readonly labelColumn?: string;
  readonly textColumn?: string;
}

/** What a person may choose among; null where there is nothing to choose. */
export interface ColumnChoice {
  readonly names: readonly string[];
  /** What is most likely meant; nothing where the reader of files finds it out. */
  readonly guess: Columns;
}

/** Rows from which is guessed. */
const ROWS = 50;

/**
 * The columns of a file with more than a label and a text. Names count: `label` and `text` first. Else the text is the
 * column with the longest cells, and the label the one with the fewest values, but more than one, of what is left.
 */
export function columnChoice(data: DataSource | null): ColumnChoice | null {
  if (data?.kind !== "text") return null;
  const table = previewTable(data.name, data.text, ROWS);
  if (!table) return null;
  const names = table.columns.map((name) => name.trim());
  const lower = names.map((name) => name.toLowerCase());
  const isNamed = lower.includes("label") && lower.includes("text");
  if (new Set(names).size < 2 || (names.length === 2 && (isNamed || !isHeader(data.name, table)))) return null;
  if (isNamed) return { names, guess: {} };
  const cells = (column: number): string[] => table.rows.map((row) => row[column] ?? "");
  const lengthOf = (column: number): number => cells(column).reduce((sum, cell) => sum + cell.length, 0);
  const all = [...names.keys()];
  const text = lower.includes("text")
    ? lower.indexOf("text")
    : all.reduce((a, b) => (lengthOf(b) > lengthOf(a) ? b : a));
  const variety = (column: number): number => {
    const count = new Set(cells(column)).size;
    return count < 2 ? Number.POSITIVE_INFINITY : count;
  };
  const others = all.filter((column) => column !== text);
  const label = lower.includes("label")
    ? lower.indexOf("label")
    : others.reduce((a, b) => (variety(b) < variety(a) ? b : a));
  return { names, guess: { labelColumn: names[label], textColumn: names[text] } };
}

/** Whether the first row of two columns names them: words that stand nowhere below, where others do again. */
function isHeader(file: string, { columns, rows }: TablePreview): boolean {
  if (/\.(jsonl|ndjson)$/i.test(file)) return true;
  const areWords = columns.every((cell) => /^\s*[A-Za-z_][\w-]*( [\w-]+)?\s*$/.test(cell));
  const doesRepeat = columns.some((_, i) => new Set(rows.map((row) => row[i])).size < rows.length);
  return areWords && doesRepeat && rows.every((row) => row.every((cell, i) => cell !== columns[i]));
}

/** Two fields to choose the columns of a file with; hidden where there is nothing to choose. */
export function columnFields(app: App): HTMLElement {
  const element = h("div", { class: "fields", hidden: true });
  const show = ({ data, task, training }: State): void => {
    const choice = columnChoice(data);
    element.hidden = choice === null;
    if (!choice) return;
    const field = (key: keyof Columns, label: string, usual: string): HTMLElement => {
      const chosen = training[key] ?? choice.names.find((name) => name.toLowerCase() === usual) ?? choice.names[0];
      return selectField({
        ...{ label, value: chosen, options: choice.names.map((name) => ({ value: name, label: name })) },
        onChange: (value) => app.setTraining({ [key]: value }),
      }).element;
    };
    fill(
      element,
      task === "classify" && field("labelColumn", "Column of the label", "label"),
      field("textColumn", "Column of the text", "text"),
    );
  };
  app.store.watch((state, before) => {
    // Fields that a person is choosing in stay: they show what is chosen.
    if (!before || state.data !== before.data || state.task !== before.task) show(state);
  });
  return element;
}
