// Bundles the library's entry points, the command line and the file for a CDN into dist/.
import { chmod, readdir, rm } from "node:fs/promises";
import { build } from "esbuild";
import { engineSource, libraryOptions, singleFileOptions, workerOptions } from "./build/library.mjs";

// Types stay: npm runs `prepare`, and with it this, after `prepack` has made them.
for (const entry of await readdir("dist").catch(() => [])) {
  if (entry !== "types") await rm(`dist/${entry}`, { recursive: true, force: true });
}
const singleFile = { ...singleFileOptions(await engineSource(), "dist/graft.min.js"), sourcemap: true };
const results = await Promise.all([build(await libraryOptions()), build(singleFile), build(workerOptions())]);
await chmod("dist/cli/main.js", 0o755);
// They drew the lines between chunks, and nobody imports them.
await rm("dist/chunks/parts", { recursive: true });
if (!process.argv.includes("--quiet")) {
  for (const [file, { bytes }] of results.flatMap(({ metafile }) => Object.entries(metafile.outputs))) {
    if (file.endsWith(".js")) console.log(`${file}  ${(bytes / 1024).toFixed(1)} KiB`);
  }
}
