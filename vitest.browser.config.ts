import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { takeConsoleAlarms } from "./test/support/browser/console-watch.ts";
import { PATIENCE } from "./test/support/browser/patience.ts";
import { repositoryServer } from "./test/support/browser/repository-server.ts";
import { BROWSER_SUITES, NODE_ONLY } from "./test/support/browser/suites.ts";
import { chromiumLaunchOptions } from "./test/support/chromium.ts";
import base, { DRIVEN } from "./vitest.config.ts";

const { plugins = [], resolve } = base;

/** Tests in headless Chromium: those that run in it, and those that drive it from Node. */
export default defineConfig(
  async (): Promise<ViteUserConfig> => ({
    plugins,
    resolve,
    test: {
      testTimeout: 600_000,
      hookTimeout: 600_000,
      projects: [
        {
          extends: true,
          cacheDir: ".cache/vite",
          // Found while tests run, they would be bundled then, and the page loaded again.
          optimizeDeps: { include: ["@huggingface/tokenizers", "fast-check", "safetensors"] },
          plugins: [repositoryServer(fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, ""))],
          test: {
            name: "chromium",
            include: BROWSER_SUITES.map((suite) => `test/${suite}/**/*.test.ts`),
            exclude: Object.keys(NODE_ONLY).map((path) => `test/${path}${path.endsWith("/") ? "**" : ""}`),
            provide: { device: {}, thorough: false, subgroupSize: undefined },
            setupFiles: ["test/support/browser/in-browser.ts"],
            fileParallelism: false,
            // After the others, which measure how quickly a page answers.
            sequence: { groupOrder: 1 },
            browser: {
              enabled: true,
              headless: true,
              screenshotFailures: false,
              provider: playwright({
                launchOptions: await chromiumLaunchOptions({ args: ["--js-flags=--expose-gc"] }),
              }),
              instances: [{ browser: "chromium" }],
              commands: { takeConsoleAlarms },
            },
          },
        },
        {
          extends: true,
          test: {
            ...{ name: "driven", include: DRIVEN, pool: "forks", maxWorkers: 1, sequence: { groupOrder: 0 } },
            // A test may wait for several states; the one that does not come is what fails.
            ...{ testTimeout: 2 * PATIENCE, hookTimeout: PATIENCE, expect: { poll: { timeout: PATIENCE } } },
          },
        },
      ],
    },
  }),
);
