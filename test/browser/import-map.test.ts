import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { builtPackage } from "../build/built-package.ts";
import { type Served, STRICT_POLICY, serve, useChromium } from "../support/chromium.ts";

const browser = useChromium();
let built: Awaited<ReturnType<typeof builtPackage>>;
let served: Served;
beforeAll(async () => {
  built = await builtPackage();
  served = await serve("examples");
});
afterAll(async () => {
  await served.close();
  await built.remove();
});

it("the example with an import map trains from one file of a CDN", async () => {
  const { version, jsdelivr, unpkg } = JSON.parse(await readFile("package.json", "utf8"));
  // A CDN serves the packed files; here those that were just built.
  const asked: string[] = [];
  const { page } = await browser.open();
  await page.route("https://cdn.jsdelivr.net/**", async (route) => {
    const path = new URL(route.request().url()).pathname;
    asked.push(path);
    const file = path.replace(`/npm/graft-gpu@${version}/`, "");
    const headers = { "access-control-allow-origin": "*" };
    await route.fulfill({ path: join(built.folder, file), contentType: "text/javascript", headers });
  });
  await page.goto(`${served.url}import-map.html`);
  const progress = page.getByRole("status");
  await expect.poll(() => progress.textContent()).toMatch(/^After 300 steps/);
  const right = Number(/tells (\d+) of 256/.exec((await progress.textContent()) ?? "")![1]);
  expect(right).toBeGreaterThan(250);
  expect(asked).toEqual([`/npm/graft-gpu@${version}/dist/graft.min.js`]);
  expect([jsdelivr, unpkg]).toEqual(["./dist/graft.min.js", "./dist/graft.min.js"]);
});

/** What docs/browser.md has in a page that takes models, files and the trainer without a bundler. */
async function mapOfDocs(): Promise<string> {
  const page = await readFile("docs/browser.md", "utf8");
  const maps = [...page.matchAll(/<script type="importmap">([\s\S]*?)<\/script>/g)].map(([, map]) => map);
  const { version, dependencies } = JSON.parse(await readFile("package.json", "utf8"));
  const cdn = "https://cdn.jsdelivr.net/npm/";
  const [engine, tokenizers] = [
    `graft-gpu@${version}`,
    `@huggingface/tokenizers@${dependencies["@huggingface/tokenizers"]}`,
  ];
  return maps[1]
    .replaceAll(`${cdn}${engine}/`, "./")
    .replaceAll(`${cdn}${tokenizers}/`, "./node_modules/@huggingface/tokenizers/");
}

it("the map of the docs gives a page every part of the library, from its own host under the strict policy", async () => {
  const map = await mapOfDocs();
  expect(map).not.toContain("https:");
  const hash = createHash("sha256").update(map).digest("base64");
  const files = {
    "index.html": `<!doctype html><html lang="en"><title>Map</title><script type="importmap">${map}</script><script type="module" src="page.js"></script></html>`,
    "page.js": `import { Gpu } from "graft-gpu";
      import { Linear } from "graft-gpu/nn";
      import { GPT2 } from "graft-gpu/models";
      import { Tokenizer } from "graft-gpu/io";
      import { urlDirectory } from "graft-gpu/browser";
      import { finetune } from "graft-gpu/finetune";
      window.outcome = (async () => {
        const gpu = await Gpu.open();
        const directory = await urlDirectory("assets/gpt2-mini-en", { files: ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] });
        const [model, tokenizer] = [await GPT2.fromPretrained(directory, { gpu }), await Tokenizer.fromDirectory(directory)];
        // One engine: layers of one file are trained by another.
        const head = new Linear(gpu, 2, 2);
        gpu.close();
        return { names: [...head.namedParameters().keys()], trainer: typeof finetune, parameters: model.parameterCount(), tokens: tokenizer.encode("The little girl").length };
      })();`,
  };
  const policy = STRICT_POLICY.replace("script-src 'self'", `script-src 'self' 'sha256-${hash}'`);
  const site = await serve([files, built.folder, "."], { headers: { "content-security-policy": policy } });
  try {
    const { page } = await browser.open(site.url);
    const seen = await page.evaluate(
      () => (window as unknown as { outcome: Promise<Record<string, unknown>> }).outcome,
    );
    expect(seen).toEqual({ names: ["weight", "bias"], trainer: "function", parameters: 2_222_208, tokens: 3 });
  } finally {
    await site.close();
  }
});
