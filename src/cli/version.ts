import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** The version in package.json, which lies two folders above this file in `src/cli` as in `dist/cli` and `dist/chunks`. */
export function graftVersion(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

/** The version of an installed package; null when it is not installed. */
export function packageVersion(name: string): string | null {
  // Packages may hide their package.json from `resolve`, so it is looked for where Node would look for the package.
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    try {
      return JSON.parse(readFileSync(join(folder, name, "package.json"), "utf8")).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return null;
}
