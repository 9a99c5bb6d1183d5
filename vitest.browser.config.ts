import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { takeConsoleAlarms } from "./test/support/browser/console-watch.ts";
import { drivenProject, suitesProject } from "./test/support/browser/suites-project.ts";
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
        suitesProject("chromium", import.meta.dirname, {
          provider: playwright({
            launchOptions: await chromiumLaunchOptions({ args: ["--js-flags=--expose-gc"] }),
          }),
          instances: [{ browser: "chromium" }],
          commands: { takeConsoleAlarms },
        }),
        drivenProject(DRIVEN),
      ],
    },
  }),
);
