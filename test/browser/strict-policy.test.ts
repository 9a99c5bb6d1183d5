import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { builtPackage } from "../build/built-package.ts";
import { type Served, STRICT_POLICY, serve, useChromium } from "../support/chromium.ts";

/** Three steps of a small network, and the losses before each. */
const TRAINING = `
  export async function train({ Gpu, AdamW, Linear, Module, backward, crossEntropy, relu, tensor, tidy }) {
    const gpu = await Gpu.open();
    class Network extends Module {
      first = new Linear(gpu, 4, 16);
      second = new Linear(gpu, 16, 3);
      forward(x) { return this.second.forward(relu(this.first.forward(x))); }
    }
    const network = new Network();
    network.first.initialize(1);
    network.second.initialize(2);
    const optimizer = new AdamW([{ name: "all", parameters: network.namedParameters(), learningRate: 0.05, weightDecay: 0 }]);
    const x = tensor(Float32Array.from({ length: 24 }, (_, i) => Math.fround(((i * 7) % 11) / 11)), [6, 4]);
    const labels = tensor(Int32Array.from([0, 1, 2, 0, 1, 2]), [6]);
    const losses = [];
    for (let step = 0; step < 3; step++) {
      const loss = tidy(() => {
        const value = crossEntropy(network.forward(x), labels);
        optimizer.step(backward(value));
        return value;
      });
      losses.push(await loss.item());
      loss.dispose();
    }
    gpu.close();
    return losses;
  }`;

const PAGE = `
  import * as engine from "/dist/index.js";
  import * as nn from "/dist/nn.js";
  import { train } from "/training.js";
  const inWorker = new Promise((resolve, reject) => {
    const worker = new Worker("/worker.js", { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  window.outcome = (async () => ({
    losses: await train({ ...engine, ...nn }),
    worker: await inWorker,
    isIsolated: crossOriginIsolated,
  }))();`;

const WORKER = `
  import * as graft from "/dist/graft.min.js";
  import { train } from "/training.js";
  const losses = await train(graft);
  postMessage(losses);`;

const browser = useChromium();
let built: Awaited<ReturnType<typeof builtPackage>>;
let served: Served;
beforeAll(async () => {
  built = await builtPackage();
  const files = {
    "index.html": `<!doctype html><html lang="en"><title>Graft</title><script type="module" src="/page.js"></script></html>`,
    "page.js": PAGE,
    "worker.js": WORKER,
    "training.js": TRAINING,
  };
  served = await serve([files, built.folder], { headers: { "content-security-policy": STRICT_POLICY } });
});
afterAll(async () => {
  await served.close();
  await built.remove();
});

it("trains in a page and in a dedicated worker under a strict policy, from a static host, with no headers of isolation", async () => {
  const { page } = await browser.open(served.url);
  const { losses, worker, isIsolated } = await page.evaluate(
    () =>
      (window as unknown as { outcome: Promise<{ losses: number[]; worker: number[]; isIsolated: boolean }> }).outcome,
  );
  expect(isIsolated).toBe(false);
  expect(losses).toHaveLength(3);
  expect(losses[2]).toBeLessThan(losses[0]);
  // The page has the entry points and their chunks, the worker the file for a CDN: the same bits.
  expect(worker).toEqual(losses);
  const paths = served.requests.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(["/dist/index.js", "/dist/nn.js", "/dist/graft.min.js"]));
  // What is for Node alone is never fetched.
  expect(paths.filter((path) => path.includes("node-"))).toEqual([]);
});

it("has no code that makes code", async () => {
  const texts = await Promise.all(
    (await readdir(join(built.folder, "dist"), { recursive: true }))
      .filter((file) => file.endsWith(".js") && !file.startsWith("cli"))
      .map((file) => readFile(join(built.folder, "dist", file), "utf8")),
  );
  expect(texts.length).toBeGreaterThan(20);
  for (const text of texts) expect(text).not.toMatch(/\beval\(|new Function\(/);
});
