// Bundles the library's entry points, the command line and the file for a CDN into dist/.
import { readdir, rm } from "node:fs/promises";
import { buildLibrary } from "./build/library.mjs";

// Types stay: npm runs `prepare`, and with it this, after `prepack` has made them.
for (const entry of await readdir("dist").catch(() => [])) {
  if (entry !== "types") await rm(`dist/${entry}`, { recursive: true, force: true });
}
const outputs = await buildLibrary("dist");
if (!process.argv.includes("--quiet")) {
  for (const [file, { bytes }] of Object.entries(outputs)) {
    if (file.endsWith(".js")) console.log(`${file}  ${(bytes / 1024).toFixed(1)} KiB`);
  }
}
