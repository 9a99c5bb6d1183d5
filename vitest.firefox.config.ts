import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { installedFirefox, takeFirefoxAlarms } from "./test/support/browser/firefox-provider.ts";
import { repositoryServer } from "./test/support/browser/repository-server.ts";
import { BROWSER_SUITES, NODE_ONLY } from "./test/support/browser/suites.ts";
import base, { IN_FIREFOX } from "./vitest.config.ts";

const { plugins = [], resolve } = base;

/** The suites of a browser in an installed Firefox, which has another compiler of shaders and another WebGPU. */
export default defineConfig({
  plugins,
  resolve,
  test: {
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // Firefox shows no page its collector.
    testNamePattern: /^(?!.*(garbage collector|counted by the net))/,
    projects: [
      {
        extends: true,
        cacheDir: ".cache/vite-firefox",
        // Found while tests run, they would be bundled then, and the page loaded again.
        optimizeDeps: { include: ["@huggingface/tokenizers", "fast-check", "safetensors"] },
        plugins: [repositoryServer(fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, ""))],
        test: {
          name: "firefox",
          include: BROWSER_SUITES.map((suite) => `test/${suite}/**/*.test.ts`),
          exclude: Object.keys(NODE_ONLY).map((path) => `test/${path}${path.endsWith("/") ? "**" : ""}`),
          provide: { device: {}, thorough: false, subgroupSize: undefined },
          setupFiles: ["test/support/browser/in-browser.ts"],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: installedFirefox(),
            instances: [{ browser: "firefox" }],
            commands: { takeConsoleAlarms: takeFirefoxAlarms },
          },
        },
      },
      {
        extends: true,
        test: { name: "driven", include: [IN_FIREFOX], pool: "forks", maxWorkers: 1, sequence: { groupOrder: 0 } },
      },
    ],
  },
});
