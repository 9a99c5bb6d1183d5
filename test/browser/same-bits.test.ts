import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunName, type RunResult, trainingRun } from "../support/browser/training-runs.ts";
import { bundle, type Served, serve, useChromium } from "../support/chromium.ts";

const SEED = 11;
const PAGE = `<!doctype html><title>Training</title><script type="module">
  import { trainingRun } from "./runs.js";
  globalThis.train = trainingRun;
</script>`;

declare global {
  /** What the page offers. */
  var train: typeof trainingRun;
}

const chromium = useChromium();
let site: Served;
beforeAll(async () => {
  const files = await bundle({ runs: "test/support/browser/training-runs.ts" });
  site = await serve([{ ...files, "index.html": PAGE }, "."]);
});
afterAll(() => site.close());

const inNode = (name: RunName, seed = SEED): Promise<RunResult> =>
  trainingRun(name, async (path) => new Uint8Array(await readFile(path)), seed);

async function inChromium(name: RunName): Promise<RunResult> {
  const { page } = await chromium.open(site.url);
  await page.waitForFunction(() => globalThis.train);
  return page.evaluate(
    ([name, seed]) => {
      const read = async (path: string) => new Uint8Array(await (await fetch(`/${path}`)).arrayBuffer());
      return globalThis.train(name, read, seed);
    },
    [name, SEED] as const,
  );
}

it.each<[RunName, number]>([
  ["tiny GPT-2", 18],
  ["GPT-2 mini", 8],
  ["ResNet-20", 4],
])("Node and Chromium train %s to the same bits on SwiftShader", async (name, steps) => {
  const there = await inChromium(name);
  const here = await inNode(name);
  expect(here.adapter).toBe("swiftshader");
  expect(here.losses).toHaveLength(steps);
  expect(here.evaluations.at(-1)).toBeLessThan(here.evaluations[0]);
  expect(there).toEqual(here);
});

it("another seed gives other bits", async () => {
  const [one, other] = [await inNode("tiny GPT-2"), await inNode("tiny GPT-2", SEED + 1)];
  expect(other.losses).not.toEqual(one.losses);
  expect(other.weights).not.toBe(one.weights);
});
