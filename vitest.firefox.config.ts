import { defineConfig } from "vitest/config";
import { installedFirefox, takeFirefoxAlarms } from "./test/support/browser/firefox-provider.ts";
import { drivenProject, suitesProject } from "./test/support/browser/suites-project.ts";
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
      suitesProject("firefox", import.meta.dirname, {
        provider: installedFirefox(),
        instances: [{ browser: "firefox" }],
        commands: { takeConsoleAlarms: takeFirefoxAlarms },
      }),
      drivenProject([IN_FIREFOX]),
    ],
  },
});
