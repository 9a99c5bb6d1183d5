// Bundlers drop what is never used when it has no effects, and can tell that of a call only by a mark in front of it.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const DECLARATION = /@__NO_SIDE_EFFECTS__ \*\/ export (?:function|const) (\w+)/g;

/** Names of the exported functions of a folder that are marked as free of effects. */
async function pureFunctions(folder) {
  const names = new Set();
  for (const file of await readdir(folder, { recursive: true })) {
    if (!file.endsWith(".ts")) continue;
    for (const [, name] of (await readFile(join(folder, file), "utf8")).matchAll(DECLARATION)) names.add(name);
  }
  return names;
}

/** Marks every call of some functions in a source text; comments that name them stay as they are. */
export function markCalls(source, names) {
  const call = new RegExp(
    `(?<![\\w.$]|function |/\\* @__PURE__ \\*/ )(?:${[...names].join("|")})(?=(?:<[^()=>]*>)?\\()`,
    "g",
  );
  const mark = (line) => (/^\s*(?:\/\*\*|\*|\/\/)/.test(line) ? line : line.replace(call, "/* @__PURE__ */ $&"));
  return source.split("\n").map(mark).join("\n");
}

/**
 * Marks the calls of functions that are declared with `@__NO_SIDE_EFFECTS__`. esbuild does so itself where function and
 * call end in one chunk.
 *
 * @param {string} folder where they are declared and called
 * @param {(source: string) => string} [reworded] what else is done to a source
 */
export const pureCalls = (folder, reworded = (source) => source) => ({
  name: "pure-calls",
  setup({ onLoad }) {
    const names = pureFunctions(folder);
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (!path.startsWith(folder)) return undefined;
      return { contents: reworded(markCalls(await readFile(path, "utf8"), await names)), loader: "ts" };
    });
  },
});
