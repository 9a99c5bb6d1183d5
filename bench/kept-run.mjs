// A run that is kept as a file: what was measured, with what was typed for it, when and on which machine.
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { dirname } from "node:path";

const { version } = createRequire(import.meta.url)("../package.json");

/**
 * Writes a run of this process as JSON.
 *
 * @param file where to; its folder is made
 * @param script the name in package.json of what this process runs
 * @param run what was measured; `versions` in it are joined by those of Graft and Node
 */
export function keepRun(file, script, { adapter, versions, ...run }) {
  const processors = cpus();
  const kept = {
    date: new Date().toISOString(),
    command: ["npm run", script, "--", ...process.argv.slice(2)].join(" "),
    adapter,
    processor: `${processors.length} × ${processors[0]?.model}`,
    versions: { graft: version, node: process.versions.node, ...versions },
    ...run,
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`);
}
