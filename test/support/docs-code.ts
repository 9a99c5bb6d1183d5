import { readFileSync } from "node:fs";

/** The code of a part of a page, from one heading to the next of its level. */
export function codeOf(page: string, heading: string): string {
  const text = readFileSync(page, "utf8");
  const part = text.slice(text.indexOf(`\n## ${heading}\n`) + 1).split(/\n## /)[0];
  return [...part.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code).join("\n");
}
