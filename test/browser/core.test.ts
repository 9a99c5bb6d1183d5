import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { builtPackage } from "../build/built-package.ts";
import { type Served, STRICT_POLICY, serve, useChromium } from "../support/chromium.ts";

interface Outcome {
  perceptron: { losses: number[]; right: number };
  transformer: { losses: number[] };
}

/** Trains both models with the core that a module is. */
const trainingWith = (module: string): string => `
  import * as core from "${module}";
  import { trainPerceptron, trainTransformer } from "/programs.js";
  window.outcome = (async () => {
    const gpu = await core.Gpu.open();
    const perceptron = await trainPerceptron(core, gpu);
    const transformer = await trainTransformer(core, gpu);
    gpu.close();
    return { perceptron, transformer };
  })();`;

const page = (script: string): string =>
  `<!doctype html><html lang="en"><title>Graft's core</title><script type="module" src="/${script}"></script></html>`;

const browser = useChromium();
let built: Awaited<ReturnType<typeof builtPackage>>;
let served: Served;
beforeAll(async () => {
  built = await builtPackage();
  const files = {
    "single.html": page("single.js"),
    "single.js": trainingWith("/dist/graft-core.min.js"),
    "chunks.html": page("chunks.js"),
    "chunks.js": trainingWith("/dist/core.js"),
    "programs.js": await readFile(resolve(import.meta.dirname, "../core/programs.mjs"), "utf8"),
  };
  served = await serve([files, built.folder], { headers: { "content-security-policy": STRICT_POLICY } });
});
afterAll(async () => {
  await served.close();
  await built.remove();
});

async function outcomeOf(name: string): Promise<Outcome> {
  const { page } = await browser.open(`${served.url}${name}`);
  return page.evaluate(() => (window as unknown as { outcome: Promise<Outcome> }).outcome);
}

it("one file of the core trains a perceptron and a transformer under a strict policy, with the bits of its entry point", async () => {
  const single = await outcomeOf("single.html");
  expect(single.perceptron.right).toBeGreaterThan(0.95);
  expect(single.transformer.losses.at(-1)).toBeLessThan(single.transformer.losses[0] / 10);
  const scripts = served.requests.map(({ path }) => path).filter((path) => path.startsWith("/dist/"));
  expect(scripts).toEqual(["/dist/graft-core.min.js"]);
  expect(await outcomeOf("chunks.html")).toEqual(single);
});
