import type { TestProjectInlineConfiguration } from "vitest/config";
import type { BrowserConfigOptions } from "vitest/node";
import { PATIENCE } from "./patience.ts";
import { repositoryServer } from "./repository-server.ts";
import { BROWSER_SUITES, NODE_ONLY } from "./suites.ts";

/** What a browser of vitest's is to be told: how it is driven, and what its console said. */
type Driven = Pick<BrowserConfigOptions, "provider" | "instances" | "commands">;

/** The project of vitest that runs the suites of a browser, in that browser. */
export const suitesProject = (name: string, root: string, browser: Driven): TestProjectInlineConfiguration => ({
  extends: true,
  cacheDir: `.cache/vite-${name}`,
  // Found while tests run, they would be bundled then, and the page loaded again.
  optimizeDeps: { include: ["@huggingface/tokenizers", "fast-check", "safetensors"] },
  plugins: [repositoryServer(root)],
  test: {
    name,
    include: BROWSER_SUITES.map((suite) => `test/${suite}/**/*.test.ts`),
    exclude: Object.keys(NODE_ONLY).map((path) => `test/${path}${path.endsWith("/") ? "**" : ""}`),
    provide: { device: {}, thorough: false, subgroupSize: undefined },
    setupFiles: ["test/support/browser/in-browser.ts"],
    fileParallelism: false,
    // After the others, which measure how quickly a page answers.
    sequence: { groupOrder: 1 },
    browser: { enabled: true, headless: true, screenshotFailures: false, ...browser },
  },
});

/** The project of the tests that drive a browser from Node, one after another. */
export const drivenProject = (include: string[]): TestProjectInlineConfiguration => ({
  extends: true,
  test: {
    ...{ name: "driven", include, pool: "forks", maxWorkers: 1, sequence: { groupOrder: 0 } },
    // A test may wait for several states; the one that does not come is what fails.
    ...{ testTimeout: 2 * PATIENCE, hookTimeout: PATIENCE, expect: { poll: { timeout: PATIENCE } } },
  },
});
