import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { CONFIGURATIONS, type Configuration } from "./test/support/configurations.ts";

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
  { find: /^graft-gpu\/(node|browser|hub)$/, replacement: source("io/$1/index.ts") },
  { find: /^graft-gpu\/(\w+)$/, replacement: source("$1/index.ts") },
];

/** Tests that need an installed Firefox, see vitest.firefox.config.ts. */
export const IN_FIREFOX = "test/firefox/**/*.test.ts";

/** A step of the real 124M shape; `npm run bench:124m` takes one on this adapter, from weights on disk. */
export const LARGE = "test/models/gpt2-124m.test.ts";

/** Tests that drive a browser, see vitest.browser.config.ts. */
export const DRIVEN = ["test/{browser,demo}/**/*.test.ts"];

/** Some test files on a device of a configuration. */
export function projectOf(
  { name, device, environment = {}, subgroupSize }: Configuration,
  options: { include: string[]; exclude?: string[]; thorough?: boolean },
): TestProjectConfiguration {
  const { include, exclude = [], thorough = false } = options;
  const provide = { device, thorough, subgroupSize };
  return { extends: true, test: { name, include, exclude, env: environment, provide } };
}

export default defineConfig({
  plugins: [wgslAsText],
  resolve: { alias: packageAsSource },
  test: {
    globalSetup: ["test/support/adapter-present.ts"],
    pool: "forks",
    maxWorkers: 2,
    // Seconds on lavapipe are minutes on SwiftShader beside another suite.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    projects: [
      projectOf(
        { name: "adapter", device: {} },
        { include: ["test/**/*.test.ts"], exclude: ["test/configurations/**", IN_FIREFOX, LARGE, ...DRIVEN] },
      ),
      ...CONFIGURATIONS.map((configuration) =>
        projectOf(configuration, { include: ["test/configurations/*.test.ts"] }),
      ),
    ],
  },
});
