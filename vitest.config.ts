import { readFile } from "node:fs/promises";
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

export default defineConfig({
  plugins: [wgslAsText],
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/adapter-present.ts"],
    pool: "forks",
    maxWorkers: 2,
    // Seconds on lavapipe are minutes on SwiftShader beside another suite.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
