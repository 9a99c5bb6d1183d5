import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { NodeDirectory } from "../../src/io/node/index.ts";
import { bundle, serve, useChromium } from "../support/chromium.ts";
import { codeOf } from "../support/docs-code.ts";
import { browserAlias } from "./storage/support.ts";

const MODEL = "assets/gpt2-mini-en";
const source = (path: string): string => resolve("src", path);

const chromium = useChromium();

it("docs/browser.md has code on loading and saving that runs as it stands", async () => {
  const code = codeOf("docs/browser.md", "Loading models") + codeOf("docs/browser.md", "Saving models");
  const [imports, statements] = [/^import .*$/gm, /^(?!import ).*$/gm].map((lines) => code.match(lines)!.join("\n"));
  const page = `${imports}
    const shown = [];
    const show = (...texts) => shown.push(texts[0]);
    const place = document.body;
    (async () => {
      ${statements}
      return { shown, kept: await (await OpfsDirectory.open("mine/gpt2-spam")).list(), usage, quota, isKept };
    })().then((result) => { globalThis.result = result; }, (error) => { globalThis.result = { error: String(error) }; });`;
  const built = await bundle([], {
    stdin: { contents: page, resolveDir: resolve("."), sourcefile: "docs.js" },
    alias: {
      ...browserAlias,
      "graft-gpu": source("index.ts"),
      "graft-gpu/browser": source("io/browser/index.ts"),
      "graft-gpu/hub": source("io/hub/index.ts"),
      "graft-gpu/io": source("io/index.ts"),
      "graft-gpu/models": source("models/index.ts"),
    },
  });
  const directory = await NodeDirectory.open(MODEL);
  const files: Record<string, Uint8Array> = {};
  for (const file of await directory.list()) files[`models/gpt2/${file}`] = await readFile(join(MODEL, file));
  const site = await serve({
    ...files,
    ...built,
    "index.html": `<!doctype html><title>Docs</title><body><script type="module" src="stdin.js"></script>`,
  });
  try {
    const { page } = await chromium.open();
    const downloads: string[] = [];
    page.on("download", (download) => downloads.push(download.suggestedFilename()));
    await page.goto(site.url);
    await page.waitForFunction(() => "result" in globalThis);
    const result = await page.evaluate(() => (globalThis as unknown as { result: Record<string, unknown> }).result);
    expect(result).toMatchObject({ kept: ["config.json", "model.safetensors"] });
    expect(result.shown).toContainEqual(expect.stringMatching(/^models\/gpt2: \d{7,} bytes, \d+ unfinished$/));
    expect((result.shown as string[]).filter((text) => / of \d+ bytes$/.test(text)).length).toBeGreaterThan(5);
    expect(result.quota).toBeGreaterThan(0);
    await expect.poll(() => downloads).toEqual(["gpt2-spam.zip", "notes.txt"]);
  } finally {
    await site.close();
  }
});
