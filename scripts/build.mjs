// Bundles the library's entry points and the command line into dist/ (ESM, shared chunks, shaders as text).
import { chmod, readdir, rm } from "node:fs/promises";
import { build } from "esbuild";

// Types stay: npm runs `prepare`, and with it this, after `prepack` has made them.
for (const entry of await readdir("dist").catch(() => [])) {
  if (entry !== "types") await rm(`dist/${entry}`, { recursive: true, force: true });
}
const result = await build({
  entryPoints: {
    index: "src/index.ts",
    nn: "src/nn/index.ts",
    models: "src/models/index.ts",
    finetune: "src/finetune/index.ts",
    io: "src/io/index.ts",
    node: "src/io/node/index.ts",
    bench: "src/bench/index.ts",
    "cli/main": "src/cli/main.ts",
  },
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  packages: "external",
  external: ["node:*"],
  loader: { ".wgsl": "text" },
  sourcemap: true,
  chunkNames: "chunks/[name]-[hash]",
  metafile: true,
  logLevel: "warning",
});
await chmod("dist/cli/main.js", 0o755);
if (!process.argv.includes("--quiet")) {
  for (const [file, { bytes }] of Object.entries(result.metafile.outputs)) {
    if (file.endsWith(".js")) console.log(`${file}  ${(bytes / 1024).toFixed(1)} KiB`);
  }
}
