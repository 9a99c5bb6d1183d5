import { type Child, h, setStyle } from "./dom.ts";

export interface Column {
  readonly title: string;
  readonly kind?: "number" | "text";
}

/** A table that scrolls sideways where it is too wide. The first cell of a row is its heading. */
export function dataTable(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Child[])[],
): HTMLElement {
  const kindOf = (i: number): string | undefined => columns[i].kind;
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      { class: "table" },
      h("caption", {}, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columns.map(({ title }, i) => h("th", { scope: "col", class: kindOf(i) }, title)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((cells) =>
          h(
            "tr",
            {},
            cells.map((cell, i) => h(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: kindOf(i) }, cell)),
          ),
        ),
      ),
    ),
  );
}

/** A confusion matrix: rows are the true classes, columns what the model says; colour is the share of the row. */
export function confusionMatrix(labels: readonly string[], counts: readonly (readonly number[])[]): HTMLElement {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Confusion matrix" },
    h(
      "table",
      { class: "matrix" },
      h("caption", {}, "Rows: the true class. Columns: what the model says."),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("td", { class: "corner" }),
          labels.map((label) => h("th", { scope: "col" }, label)),
        ),
      ),
      h(
        "tbody",
        {},
        counts.map((row, i) => {
          const total = row.reduce((sum, count) => sum + count, 0);
          return h(
            "tr",
            {},
            h("th", { scope: "row" }, labels[i]),
            row.map((count, j) => {
              const cell = h("td", { class: i === j ? "right" : null }, String(count));
              setStyle(cell, { "--share": total === 0 ? 0 : count / total });
              return cell;
            }),
          );
        }),
      ),
    ),
  );
}
