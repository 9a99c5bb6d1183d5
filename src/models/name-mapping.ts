/** Maps a parameter's name in the module tree to the name a checkpoint has for it. */
export type NameMapping = (name: string) => string;

/** `from` with `*` for any run of characters without a dot and `**` for any run at all; `to` takes them up in order. */
export type NameRule = readonly [from: string, to: string];

/**
 * A mapping by patterns, for checkpoints with names of their own. The first rule whose pattern is the whole name
 * applies; a name that fits none stays as it is. In `to` the stars stand for what those of `from` found, in order;
 * `$1`, `$2`, … for one of them by number.
 *
 * @example
 * mapNames([
 *   ["blocks.*.attention.**", "block*.sa_heads.**"],
 *   ["wte.weight", "token_embedding_table.weight"],
 * ])
 */
export function mapNames(rules: readonly NameRule[]): NameMapping {
  const compiled = rules.map(([from, to]) => {
    const stars = from.match(/\*\*?/g)?.length ?? 0;
    const used = to.match(/\*\*?/g)?.length ?? 0;
    if (used > stars) throw new Error(`mapNames: "${to}" has ${used} stars, "${from}" only ${stars}`);
    const body = from
      .split(/(\*\*?)/)
      .map((part) => (part === "**" ? "(.*)" : part === "*" ? "([^.]*)" : part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")))
      .join("");
    let place = 0;
    const replacement = to.replace(/\*\*?/g, () => `$${++place}`);
    return { pattern: new RegExp(`^${body}$`), replacement };
  });
  return (name) => {
    const rule = compiled.find(({ pattern }) => pattern.test(name));
    return rule ? name.replace(rule.pattern, rule.replacement) : name;
  };
}
