import { defineConfig } from "vitest/config";
import base, { DRIVEN } from "./vitest.config.ts";

const { plugins, resolve } = base;

/** Tests in a real browser: those that drive Chromium from Node. */
export default defineConfig({
  plugins,
  resolve,
  test: {
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    projects: [{ extends: true, test: { name: "driven", include: DRIVEN } }],
  },
});
