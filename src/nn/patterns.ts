/**
 * Whether a checkpoint name matches a glob: `*` stands for any run of characters, dots included, `?` for one
 * character, `{a,b}` for alternatives. A pattern without a star that names a part of the tree matches all below it.
 */
export function matchesPattern(name: string, pattern: string): boolean {
  return toRegExp(pattern).test(name);
}

/** Splits a comma-separated list of globs; commas within braces belong to a glob. */
export function parsePatterns(list: string): string[] {
  return (list.match(/(?:\{[^}]*\}|[^,])+/g) ?? []).map((pattern) => pattern.trim()).filter(Boolean);
}

const compiled = new Map<string, RegExp>();

function toRegExp(pattern: string): RegExp {
  let expression = compiled.get(pattern);
  if (!expression) {
    let depth = 0;
    const body = [...pattern]
      .map((character) => {
        if (character === "*") return ".*";
        if (character === "?") return ".";
        if (character === "{") {
          depth++;
          return "(?:";
        }
        if (character === "}" && depth > 0) {
          depth--;
          return ")";
        }
        if (character === "," && depth > 0) return "|";
        return character.replace(/[.+^${}()|[\]\\]/, "\\$&");
      })
      .join("");
    if (depth > 0) throw new Error(`pattern "${pattern}" has an open brace`);
    expression = new RegExp(`^${body}(?:\\..*)?$`);
    compiled.set(pattern, expression);
  }
  return expression;
}
