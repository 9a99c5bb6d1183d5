/** Text that is HTML already and goes into a page as it stands. */
export class Markup {
  constructor(readonly text: string) {}
}

/** What may stand in a template: text and numbers are escaped, `null` and `false` leave nothing. */
export type HtmlValue = Markup | string | number | null | undefined | false | readonly HtmlValue[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * A text as HTML, safe between tags and in quoted attributes. Control characters, which HTML has no place for, and
 * halves of surrogate pairs, which UTF-8 cannot encode, become U+FFFD.
 */
function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => ENTITIES[character])
    .replace(/(?![\n\t])\p{Cc}|\p{Cs}|[\uFDD0-\uFDEF\uFFFE\uFFFF]/gu, "\uFFFD");
}

/** Makes markup of a template; every value that is not markup itself is escaped. */
export function html(strings: TemplateStringsArray, ...values: HtmlValue[]): Markup {
  let text = strings[0];
  for (let i = 0; i < values.length; i++) text += render(values[i]) + strings[i + 1];
  return new Markup(text);
}

function render(value: HtmlValue): string {
  if (value instanceof Markup) return value.text;
  if (value === null || value === undefined || value === false) return "";
  if (typeof value === "object") return value.map(render).join("");
  return escapeHtml(String(value));
}

/** A text of unknown origin: whatever its direction, what stands around it keeps its own. */
export function isolated(text: string): Markup {
  return html`<bdi>${text}</bdi>`;
}
