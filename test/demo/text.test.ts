import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { classificationExamples, predictAndEvaluate } from "../../src/finetune/index.ts";
import { Gpu } from "../../src/gpu/index.ts";
import { labelIndices, MemoryDirectory, Tokenizer, tokenizeExamples } from "../../src/io/index.ts";
import { argmax, GPT2ForSequenceClassification } from "../../src/models/index.ts";
import { graft } from "../cli/commands.ts";
import { unzip } from "../support/unzip.ts";
import { pressAtStep, recordTexts } from "./support/run-in-page.ts";
import { useTextPage } from "./support/text-page.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const MINI = join(ROOT, "assets/gpt2-mini-en");
const SPAM =
  "You are a winner U have been specially selected 2 receive £1000 or a 4* holiday (flights inc) speak to a live " +
  "operator 2 claim 0871277810910p/min (18+)";
const HAM = "Are you coming home for dinner tonight? I will wait for you.";
/** A whole run on a processor, on a machine that does other things too. */
const LONG = 1_200_000;

const { open, chromium } = useTextPage();
const percent = (words: string | null): number => Number(words?.replace(" %", ""));

describe("the page that fine-tunes GPT-2", () => {
  it(
    "trains the head on the bundled messages to over 95 %, reads texts, and gives a model that Node opens",
    async () => {
      const { page, text, screenshot } = await open({ acceptDownloads: true });
      expect(await page.locator("#adapter").textContent()).toMatch(/SwiftShader/);
      expect(await text.figure("trainable").textContent()).toBe("384");
      const data = text.part("data");
      const classes = data.getByRole("list", { name: "Examples of each class" }).getByRole("listitem");
      expect(await classes.allTextContents()).toEqual(["ham1,039 · 87 %", "spam161 · 13 %"]);
      const lengths = data.getByRole("figure");
      expect(await lengths.textContent()).toMatch(/^\d+ of 900 texts are longer than 64 tokens, and cut there\./);
      const heights = await lengths.locator(".plot span").evaluateAll((all) => all.map((one) => one.clientHeight));
      expect(heights.filter((height) => height > 0).length).toBeGreaterThan(8);
      await screenshot("text/ready");

      const seen = await recordTexts(text.status);
      const paused = pressAtStep(page, 20, "Pause");
      await text.button("Train").click();
      await expect.poll(seen).toContain("Pipelines compile while the weights load.");
      await screenshot("text/preparing");
      await paused;
      await text.waitForStatus(/^Paused at step/);
      const held = await text.stepsTaken();
      expect(await text.status.textContent()).toContain(`Paused at step ${held}.`);
      expect(await text.figure("speed").textContent()).toMatch(/^[\d,]+$/);
      expect(await text.figure("left").textContent()).toMatch(/^\d+:\d\d$/);
      const early = await text.chart("Loss").getAttribute("aria-label");
      await screenshot("text/paused");
      await text.button("Go on").click();
      await text.waitForStep(held + 1);
      expect(await text.chart("Loss").getAttribute("aria-label")).not.toBe(early);
      await screenshot("text/training");
      await text.waitForStatus(/^Done after 570 steps/);
      const best = percent(await text.part("try").locator(".facts dd").first().textContent());
      console.log(`Validation accuracy in Chromium: ${best} %`);
      expect(best).toBeGreaterThan(95);
      expect(await text.chart("Accuracy").getAttribute("aria-label")).toMatch(/validation 9\d % at step 570/);

      const verdict = (which: "before" | "after") => text.part("try").locator(`[data-which=${which}] .verdict`);
      await page.getByLabel("Your text").fill(SPAM);
      await expect.poll(() => verdict("before").textContent()).toMatch(/^(ham|spam)$/);
      expect(await verdict("after").textContent()).toBe("spam");
      const shown = percent(await text.part("try").locator("[data-which=after] .strong .value").textContent());
      await screenshot("text/tried");
      await page.getByLabel("Your text").fill(HAM);
      await expect.poll(() => verdict("after").textContent()).toBe("ham");
      const counts = async (selector: string) =>
        (await text.part("try").locator(selector).allTextContents()).reduce((sum, count) => sum + Number(count), 0);
      expect(await counts(".matrix td:not(.corner)")).toBe(300);
      expect((100 * (await counts(".matrix td.right"))) / 300).toBeCloseTo(best, 1);

      await text.button("Prepare the files").click();
      await text.button("Download all").waitFor();
      const command = await text.part("keep").locator("code").textContent();
      expect(command).toMatch(/^graft finetune --model http:\S+gpt2-mini-en\/ --task classify --data sms-1200\.tsv /);
      expect((await fetch(`${/--model (\S+)/.exec(command!)![1]}config.json`)).ok).toBe(true);
      expect(command).toMatch(/--epochs 10 .*--max-length 64 .*--unfreeze score/);
      await screenshot("text/kept");
      const coming = page.waitForEvent("download");
      await text.button("Download all").click();
      const download = await coming;
      const folder = download.suggestedFilename().replace(/\.zip$/, "");
      const entries = Object.entries(unzip(await readFile((await download.path())!)));
      const files = Object.fromEntries(entries.map(([name, bytes]) => [name.slice(folder.length + 1), bytes]));
      expect(new TextDecoder().decode(files["report.html"])).toContain("<!doctype html>");
      expect(new TextDecoder().decode(files["sms-1200.tsv"]).split("\n")).toHaveLength(1201);

      const directory = new MemoryDirectory(folder, files);
      const tokenizer = await Tokenizer.fromDirectory(directory);
      using gpu = await Gpu.open({ software: true });
      const model = await GPT2ForSequenceClassification.fromPretrained(directory, { gpu });
      const { labels } = model.config;
      expect(labels).toEqual(["ham", "spam"]);
      const texts = [
        { text: SPAM, label: "spam" },
        { text: HAM, label: "ham" },
      ];
      const tokens = tokenizeExamples(tokenizer, texts, { maxLength: 64 });
      const examples = classificationExamples(tokens, labelIndices(texts, labels));
      const { probabilities } = await predictAndEvaluate(model, examples, { padId: 0, labels });
      expect(probabilities.map((own) => labels[argmax(own)])).toEqual(["spam", "ham"]);
      expect(100 * probabilities[0][1]).toBeCloseTo(shown, 0);
    },
    LONG,
  );

  it(
    "goes on after a reload with a run that was stopped",
    async () => {
      const { page, text, screenshot } = await open();
      await text.useTyped(60);
      await screenshot("text/typed");
      const paused = pressAtStep(page, 5, "Pause");
      await text.button("Train").click();
      await paused;
      await text.waitForStatus(/^Paused at step/);
      const held = await text.stepsTaken();
      expect(held).toBeLessThan(60);

      await page.reload();
      await page.getByRole("heading", { name: "A run was stopped" }).waitFor();
      await text.waitUntilReady();
      expect(await page.locator("#notices").textContent()).toContain(
        `gpt2-mini-en on typed.jsonl, kept at step ${held}`,
      );
      await screenshot("text/stopped");
      await text.button("Pick it up").click();
      await text.waitForStatus(/^Done after 60 steps/);
      expect(await text.chart("Loss").getAttribute("data-points")).toBe("61");
      const shown = text.part("data").locator("[data-name]");
      await expect.poll(() => shown.getAttribute("data-name")).toBe("typed.jsonl");
      await expect.poll(() => page.getByLabel("Epochs").inputValue()).toBe("60");

      // What is over is not lost with the page either.
      await page.reload();
      await page.getByRole("heading", { name: "Your last run is kept" }).waitFor();
      await text.waitUntilReady();
      expect(await page.getByRole("heading", { name: "A run was stopped" }).count()).toBe(0);
      await text.button("Bring it back").click();
      await text.waitForStatus(/^Done after 60 steps/);
      await page.getByLabel("Your text").fill("Where is it?");
      const verdict = text.part("try").locator("[data-which=after] .verdict");
      await expect.poll(() => verdict.textContent()).toBe("question");
    },
    LONG,
  );

  it(
    "cancels within a step, throws a stopped run away, and starts another",
    async () => {
      const { page, text, screenshot } = await open();
      await text.useTyped(1000);
      const cancelled = pressAtStep(page, 5, "Cancel");
      await text.button("Train").click();
      await cancelled;
      await text.waitForStatus(/^Cancelled after \d+ steps/);
      const steps = await text.stepsTaken();
      expect(steps).toBeLessThan(1000);
      await screenshot("text/cancelled");
      const again = pressAtStep(page, steps + 1, "Cancel");
      await text.button("Go on").click();
      await again;
      await text.waitForStatus(/^Cancelled after \d+ steps/);
      expect(await text.stepsTaken()).toBeGreaterThan(steps);
      await page.reload();
      await page.getByRole("heading", { name: "A run was stopped" }).waitFor();
      await text.waitUntilReady();
      await text.button("Discard").click();
      await page.getByRole("heading", { name: "A run was stopped" }).waitFor({ state: "detached" });
      await text.useTyped(3);
      await text.button("Train").click();
      await text.waitForStatus(/^Done after 3 steps/);
    },
    LONG,
  );

  it(
    "trains adapters, goes on with them after a reload, and gives what Node repeats to the bit",
    async () => {
      const { page, text, screenshot } = await open({ acceptDownloads: true });
      await text.useTyped(20);
      await page.getByRole("radio", { name: "Adapters" }).check();
      await page.getByLabel("Adapters' rank").fill("2");
      await text.part("freeze").locator("[data-block='h.0']").click();
      await page.getByLabel("Epochs").fill("20");
      await expect.poll(() => text.figure("trainable").textContent()).toBe("18,816");
      await text.waitUntilReady();
      const paused = pressAtStep(page, 3, "Pause");
      await text.button("Train").click();
      await paused;
      await text.waitForStatus(/^Paused at step/);
      await page.reload();
      await page.getByRole("heading", { name: "A run was stopped" }).waitFor();
      await text.waitUntilReady();
      await text.button("Pick it up").click();
      await text.waitForStatus(/^Done after 20 steps/);
      await expect.poll(() => page.getByRole("radio", { name: "Adapters" }).isChecked()).toBe(true);
      expect(await page.getByLabel("Adapters' rank").inputValue()).toBe("2");
      await expect.poll(() => text.figure("trainable").textContent()).toBe("18,816");
      await page.getByLabel("Your text").fill("Where is it?");
      const verdict = text.part("try").locator("[data-which=after] .verdict");
      await expect.poll(() => verdict.textContent()).toMatch(/^\w+$/);

      await text.button("Prepare the files").click();
      await text.button("Download all").waitFor();
      const command = (await text.part("keep").locator("code").textContent())!;
      expect(command).toMatch(/ --data typed\.jsonl .* --lora 2 --lora-match h\.1,h\.2,h\.3 /);
      await screenshot("text/adapters-kept");
      const coming = page.waitForEvent("download");
      await text.button("Download all").click();
      const entries = Object.entries(unzip(await readFile((await (await coming).path())!)));
      const fileOf = (name: string): Uint8Array => entries.find(([path]) => path.endsWith(`/${name}`))![1];
      const folder = await mkdtemp(join(tmpdir(), "graft-adapters-"));
      try {
        const out = join(folder, "out");
        await writeFile(join(folder, "typed.jsonl"), fileOf("typed.jsonl"));
        const places: Record<string, string> = { "typed.jsonl": join(folder, "typed.jsonl"), "fine-tuned": out };
        const openGpu = Gpu.open;
        vi.spyOn(Gpu, "open").mockImplementation((options) => openGpu.call(Gpu, { ...options, software: true }));
        const words = command.split(" ").slice(1);
        const outcome = await graft(words.map((word) => (/^http:/.test(word) ? MINI : (places[word] ?? word))));
        vi.restoreAllMocks();
        expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
        expect((await readFile(join(out, "model.safetensors"))).equals(fileOf("model.safetensors"))).toBe(true);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    LONG,
  );

  it(
    "teaches a language model to write, and shows samples before and after",
    async () => {
      const { page, text, screenshot } = await open({ acceptDownloads: true });
      await page.getByRole("radio", { name: "Write like them" }).check();
      await page.getByRole("radio", { name: "A file of yours" }).check();
      const song = "The sea is wide, the sea is deep, and all the little fishes sleep. ".repeat(40);
      const file = { name: "song.txt", mimeType: "text/plain", buffer: Buffer.from(song) };
      await text.part("data").locator("input[type=file]").setInputFiles(file);
      const name = text.part("data").locator("[data-name]");
      await expect.poll(() => name.getAttribute("data-name")).toBe("song.txt");
      await page.getByRole("radio", { name: "Last two blocks" }).check();
      await page.getByLabel("Epochs").fill("2");
      await page.getByLabel("Longest text").fill("32");
      await text.waitUntilReady();
      await screenshot("text/language");
      await text.button("Train").click();
      await text.waitForStatus(/^Done after/);
      expect(Number(await text.figure("perplexity").textContent())).toBeGreaterThan(1);
      await page.getByLabel("Your text").fill("The sea is");
      await text.button("Write on").click();
      const sample = (which: "before" | "after") => text.part("try").locator(`[data-which=${which}] .sample`);
      await expect.poll(() => text.button("Write on").isEnabled()).toBe(true);
      const [before, after] = [await sample("before").textContent(), await sample("after").textContent()];
      expect(before).toMatch(/^The sea is.{20}/s);
      expect(after).toMatch(/^The sea is.{20}/s);
      expect(after).not.toBe(before);
      await screenshot("text/samples");
      // What is offered to be gone on with is what the report lets it go on with, to the same words.
      const chip = text.part("try").locator(".chip").first();
      const prompt = (await chip.textContent())!;
      expect(song).toContain(prompt);
      await chip.click();
      await expect.poll(() => sample("after").textContent()).toContain(prompt);
      await expect.poll(() => text.button("Write on").isEnabled()).toBe(true);
      const written = await Promise.all([sample("before").textContent(), sample("after").textContent()]);
      await text.button("Prepare the files").click();
      await text.button("Download all").waitFor();
      const coming = page.waitForEvent("download");
      await text.button("Download report.html").click();
      const report = await chromium.open();
      await report.page.setContent(await readFile((await (await coming).path())!, "utf8"));
      const messages = await report.page.locator(".samples li").first().locator(".message bdi").allTextContents();
      const plain = (words: string | null): string => words!.replace(/[\s\p{Cc}\u{FFFD}]+/gu, " ");
      expect(messages.map(plain)).toEqual([prompt, ...written.map((words) => plain(words!.slice(prompt.length)))]);
      await report.screenshot("text/samples-report");
    },
    LONG,
  );
});
