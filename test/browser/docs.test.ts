import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { expect, it } from "vitest";
import { NodeDirectory } from "../../src/io/node/index.ts";
import { bundle, STRICT_POLICY, serve, useChromium } from "../support/chromium.ts";
import { codeOf, codesOf } from "../support/docs-code.ts";
import { browserAlias } from "./storage/support.ts";

const MODEL = "assets/gpt2-mini-en";
const source = (path: string): string => resolve("src", path);

/** The files of a model, below `models/` of a site. */
async function filesOf(model: string, name: string): Promise<Record<string, Uint8Array>> {
  const directory = await NodeDirectory.open(model);
  const files: Record<string, Uint8Array> = {};
  for (const file of await directory.list()) files[`models/${name}/${file}`] = await readFile(join(model, file));
  return files;
}

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
  const site = await serve({
    ...(await filesOf(MODEL, "gpt2")),
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

it("docs/browser.md has code on sessions that runs as it stands", async () => {
  const [texts, pictures] = codesOf("docs/browser.md", "Fine-tuning in a page", "ts");
  const [imports, statements] = [/^import .*$/gm, /^(?!import ).*$/gm].map((lines) => texts.match(lines)!.join("\n"));
  // What a page would show, and the pictures that a person would pick.
  const page = `${imports}
    const shown = [], losses = [], evaluations = [];
    const show = (title) => shown.push(title);
    const chart = { add: (step, loss) => losses.push(loss) };
    const onTexts = async () => {
      ${statements}
      return { files: Object.keys(files), command, label: answer.label };
    };
    const render = (event) => event.type === "evaluation" && evaluations.push(event.evaluation.accuracy);
    const labelOf = (name) => name.replace(/-.*/, "");
    const picture = async (name, colour) => {
      const canvas = new OffscreenCanvas(40, 40);
      const context = canvas.getContext("2d");
      context.fillStyle = colour;
      context.fillRect(0, 0, 40, 40);
      return new File([await canvas.convertToBlob()], name, { type: "image/png" });
    };
    const onPictures = async () => {
      const session = await FineTuneSession.open({ worker: new URL("./session-worker.js", import.meta.url) });
      const colours = { red: ["#b02018", "#c02a20", "#a8281c", "#b83028"], blue: ["#1828b0", "#2030c0", "#1c20a8", "#2838b8"] };
      const named = Object.entries(colours).flatMap(([label, own]) => own.map((colour, i) => [label + "-" + i + ".png", colour]));
      const input = { files: await Promise.all(named.map(([name, colour]) => picture(name, colour))) };
      ${pictures}
      await session.close();
      return answer.label;
    };
    globalThis.outcome = (async () => ({ texts: await onTexts(), pictures: await onPictures(), shown, losses, evaluations }))();`;
  const built = await bundle({ "session-worker": "src/session/worker.ts" }, { alias: browserAlias });
  const script = await bundle([], {
    stdin: { contents: page, resolveDir: resolve("."), sourcefile: "docs.ts", loader: "ts" },
    alias: { ...browserAlias, "graft-gpu/session": source("session/index.ts") },
  });
  const messages = (await readFile("assets/sms-spam/sms.tsv", "utf8")).split("\n").slice(0, 48).join("\n");
  const red = await sharp({ create: { width: 32, height: 32, channels: 3, background: "#b4241c" } })
    .jpeg()
    .toBuffer();
  const site = await serve(
    {
      ...(await filesOf(MODEL, "gpt2-mini-en")),
      ...(await filesOf("assets/resnet20-cifar10", "resnet20-cifar10")),
      ...{ ...built, ...script, "sms.tsv": `${messages}\n`, "new.jpg": red },
      "index.html": `<!doctype html><html lang="en"><title>Docs</title><script type="module" src="stdin.js"></script></html>`,
    },
    { headers: { "content-security-policy": STRICT_POLICY } },
  );
  try {
    const { page } = await chromium.open(site.url);
    await page.waitForFunction(() => "outcome" in globalThis);
    const seen = await page.evaluate(() => (globalThis as unknown as { outcome: Promise<Outcome> }).outcome);
    expect(seen.shown).toEqual([]);
    expect(seen.losses.length).toBeGreaterThan(2);
    expect(seen.texts.files).toEqual(expect.arrayContaining(["config.json", "model.safetensors", "report.html"]));
    expect(seen.texts.command).toMatch(
      /^graft finetune --model \S+models\/gpt2-mini-en --task classify --data sms\.tsv /,
    );
    expect(seen.texts.label).toMatch(/^(ham|spam)$/);
    expect(seen.pictures).toBe("red");
    expect(seen.evaluations.at(-1)).toBe(1);
  } finally {
    await site.close();
  }
});

/** What the page of the code on sessions tells. */
interface Outcome {
  texts: { files: string[]; command: string; label: string };
  pictures: string;
  shown: string[];
  losses: number[];
  evaluations: number[];
}
