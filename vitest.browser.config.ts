import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { takeConsoleAlarms } from "./test/support/browser/console-watch.ts";
import { repositoryServer } from "./test/support/browser/repository-server.ts";
import { chromiumLaunchOptions } from "./test/support/chromium.ts";
import base, { DRIVEN } from "./vitest.config.ts";

const { plugins = [], resolve } = base;

/** The suites that run in Chromium as they run in Node. */
const SUITES = ["autograd", "finetune", "gpu", "io", "kernels", "models", "nn", "tensor", "vectors"];

/** What of them is Node's own, and why. */
const NODE_ONLY = [
  "test/io/node/**", // files and folders on disk, sharp
  "test/gpu/node-adapter.test.ts", // Dawn, drivers and child processes
  "test/gpu/subgroup-matrices.test.ts", // matrix units, which Node's Dawn alone may switch on
  "test/gpu/kernels.test.ts", // compiles every variant with Dawn's null backend
];

/** Tests in headless Chromium: those that run in it, and those that drive it from Node. */
export default defineConfig(
  async (): Promise<ViteUserConfig> => ({
    plugins,
    resolve,
    test: {
      testTimeout: 300_000,
      hookTimeout: 300_000,
      projects: [
        {
          extends: true,
          plugins: [repositoryServer(fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, ""))],
          test: {
            name: "chromium",
            include: SUITES.map((suite) => `test/${suite}/**/*.test.ts`),
            exclude: NODE_ONLY,
            provide: { device: {}, thorough: false, subgroupSize: undefined },
            setupFiles: ["test/support/browser/in-browser.ts"],
            fileParallelism: false,
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
          test: { name: "driven", include: DRIVEN, pool: "forks", maxWorkers: 1 },
        },
      ],
    },
  }),
);
