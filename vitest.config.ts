import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Shader files are imported as text, as esbuild does in the build. */
const wgslAsText = {
  name: "wgsl-as-text",
  enforce: "pre" as const,
  async load(id: string): Promise<string | null> {
    if (!id.endsWith(".wgsl")) return null;
    return `export default ${JSON.stringify(await readFile(id, "utf8"))};`;
  },
};

/** The examples import the package by its name; here that is the source. */
const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));
const packageAsSource = [
  { find: /^graft-gpu$/, replacement: source("index.ts") },
  { find: /^graft-gpu\/node$/, replacement: source("io/node/index.ts") },
  { find: /^graft-gpu\/(\w+)$/, replacement: source("$1/index.ts") },
];

export default defineConfig({
  plugins: [wgslAsText],
  resolve: { alias: packageAsSource },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/adapter-present.ts"],
    provide: { device: {} },
    pool: "forks",
    maxWorkers: 2,
    // Seconds on lavapipe are minutes on SwiftShader beside another suite.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
