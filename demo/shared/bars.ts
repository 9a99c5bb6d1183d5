import { formatCount } from "../../src/finetune/format.ts";
import { fill, h } from "./dom.ts";

export interface Bar {
  readonly name: string;
  /** From 0 to 1: the length of the bar. */
  readonly share: number;
  /** The value in words: "86.6 %". */
  readonly text: string;
  /** The one to look at. */
  readonly isStrong?: boolean;
}

/** Bars with a name on the left and the value on the right, for classes and probabilities. */
export function barList(label: string, bars: readonly Bar[]): HTMLElement {
  const { element, show } = liveBars(label);
  show(bars);
  return element;
}

export interface LiveBars {
  readonly element: HTMLElement;
  /** Bars of the same names keep their places and elements: they grow and shrink. */
  show(bars: readonly Bar[]): void;
}

/** Bars that are shown again and again. */
export function liveBars(label: string): LiveBars {
  const element = h("ul", { class: "bars", "aria-label": label });
  let rows: { name: string; show(bar: Bar): void }[] = [];
  return {
    element,
    show(bars) {
      if (rows.length !== bars.length || rows.some(({ name }, i) => name !== bars[i].name)) {
        const made = bars.map(({ name }) => makeRow(name));
        fill(
          element,
          made.map((row) => row.element),
        );
        rows = made;
      }
      for (const [i, row] of rows.entries()) row.show(bars[i]);
    },
  };
}

function makeRow(name: string) {
  const bar = h("span", { class: "fill" });
  const value = h("span", { class: "value number" });
  const element = h(
    "li",
    {},
    h("span", { class: "name" }, name),
    h("span", { class: "track", "aria-hidden": "true" }, bar),
    value,
  );
  return {
    name,
    element,
    show({ share, text, isStrong = false }: Bar): void {
      bar.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
      if (value.textContent !== text) value.textContent = text;
      element.classList.toggle("strong", isStrong);
    },
  };
}

export interface Bin {
  /** Values from `from` to below `to`. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

export interface HistogramOptions {
  /** The same in words. */
  readonly caption: string;
  readonly bins: readonly Bin[];
  /** What is counted: "text", "texts". */
  readonly one: string;
  readonly many: string;
  /** What stands at the right end of the axis: "64 tokens and more". */
  readonly last: string;
}

/** Columns over a plain axis, with the height of the highest, and a caption that says the same in words. */
export function histogram({ caption, bins, one, many, last }: HistogramOptions): HTMLElement {
  const most = Math.max(1, ...bins.map(({ count }) => count));
  const counted = (count: number): string => `${formatCount(count)} ${count === 1 ? one : many}`;
  return h(
    "figure",
    { class: "histogram" },
    h("figcaption", {}, caption),
    h("p", { class: "peak", "aria-hidden": "true" }, counted(most)),
    h(
      "div",
      { class: "plot", "aria-hidden": "true" },
      bins.map(({ from, to, count }) => {
        const range = to - 1 > from ? `${from} to ${to - 1}` : String(from);
        const column = h("span", { title: `${range}: ${counted(count)}` });
        column.style.height = count === 0 ? "0" : `max(2px, ${(100 * count) / most}%)`;
        return column;
      }),
    ),
    h("div", { class: "axis", "aria-hidden": "true" }, h("span", {}, bins[0]?.from ?? 0), h("span", {}, last)),
  );
}
