import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { installedFirefox, takeFirefoxAlarms } from "./test/support/browser/firefox-provider.ts";
import { repositoryServer } from "./test/support/browser/repository-server.ts";
import { BROWSER_SUITES, NODE_ONLY } from "./test/support/browser/suites.ts";
import base from "./vitest.config.ts";

const { plugins = [], resolve } = base;
const pathOf = (path: string): string => `test/${path}${path.endsWith("/") ? "**" : ""}`;

/** The tests that run in a browser, in an installed Firefox: another compiler of shaders, and another WebGPU. */
export default defineConfig({
  plugins: [...plugins, repositoryServer(fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, ""))],
  resolve,
  cacheDir: ".cache/vite-firefox",
  optimizeDeps: { include: ["@huggingface/tokenizers", "fast-check", "safetensors"] },
  test: {
    name: "firefox",
    include: BROWSER_SUITES.map((suite) => `test/${suite}/**/*.test.ts`),
    exclude: Object.keys(NODE_ONLY).map(pathOf),
    provide: { device: {}, thorough: false, subgroupSize: undefined },
    setupFiles: ["test/support/browser/in-browser.ts"],
    // Firefox shows no page its collector.
    testNamePattern: /^(?!.*garbage collector)/,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    fileParallelism: false,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: installedFirefox(),
      instances: [{ browser: "firefox" }],
      commands: { takeConsoleAlarms: takeFirefoxAlarms },
    },
  },
});
