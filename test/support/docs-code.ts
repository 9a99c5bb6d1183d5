import { readFileSync } from "node:fs";

/** The code of a part of a page, from one heading to the next of its level. */
export const codeOf = (page: string, heading: string): string => codesOf(page, heading).join("\n");

/** The same, each block by itself. */
export function codesOf(page: string, heading: string, language: "js" | "ts" = "js"): string[] {
  const text = readFileSync(page, "utf8");
  const part = text.slice(text.indexOf(`\n## ${heading}\n`) + 1).split(/\n## /)[0];
  return [...part.matchAll(/```(\w+)\n([\s\S]*?)```/g)].flatMap(([, own, code]) => (own === language ? [code] : []));
}
