import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { TextPage, useTextPage } from "./support/text-page.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const MINI = join(ROOT, "assets/gpt2-mini-en");
/** A run on a processor, on a machine that does other things too. */
const LONG = 1_200_000;

const { open, chromium, address } = useTextPage();

describe("what is frozen", () => {
  it(
    "follows presets and clicks, with the count of what is trained and the memory it takes",
    async () => {
      const { page, text, screenshot } = await open();
      const blocks = text.part("freeze").locator("button.block");
      const pressed = () => blocks.evaluateAll((all) => all.map((one) => one.getAttribute("aria-pressed") === "true"));
      const counts = async (trained: string) => {
        await expect.poll(() => text.figure("trainable").textContent()).toBe(trained);
        await text.waitUntilReady();
        return text.figure("memory").textContent();
      };
      expect(await pressed()).toEqual([false, false, false, false, false, false, true]);
      const head = await counts("384");
      await page.getByRole("radio", { name: "Last two blocks" }).check();
      const upper = await counts("890,496");
      expect(await pressed()).toEqual([false, false, false, true, true, true, true]);
      // Colours are those of the rates: frozen, of block 3, of block 4 and the norm, of the head.
      const colours = () => blocks.evaluateAll((all) => all.map((one) => getComputedStyle(one).backgroundColor));
      await expect
        .poll(async () => (await colours()).map((colour, _i, all) => all.indexOf(colour)))
        .toEqual([0, 0, 0, 3, 4, 4, 6]);
      expect(await blocks.nth(4).textContent()).toContain("trained at 3e-4");
      expect(await blocks.nth(3).textContent()).toContain("trained at 2.4e-4");
      await screenshot("text/blocks");
      await page.getByRole("radio", { name: "Everything" }).check();
      const all = await counts("2,222,592");
      expect(new Set([head, upper, all]).size).toBe(3);
      await page.getByRole("radio", { name: "Gradual" }).check();
      await counts("1,335,360");
      expect(await blocks.nth(6).textContent()).toContain("from stage 1 on");
      // Adapters stand in blocks alone; their rank is asked for where there are some.
      const rank = page.getByLabel("Adapters' rank");
      expect(await rank.isVisible()).toBe(false);
      await page.getByRole("radio", { name: "Adapters" }).check();
      await counts("98,688");
      expect(await pressed()).toEqual([false, true, true, true, true, false, true]);
      expect(await blocks.nth(4).textContent()).toContain("adapters at 3e-4");
      await screenshot("text/adapters");
      await rank.fill("2");
      await counts("24,960");
      await blocks.nth(1).click();
      await counts("18,816");
      await blocks.nth(0).click();
      await page.getByText("It stays as it is").waitFor();
      await rank.fill("0");
      await text.waitForStatus(/^Adapters' rank: Expected a whole number from 1 to 256\.$/);
      await page.getByRole("radio", { name: "Head only" }).check();
      await text.waitForStatus(/^$/);
      expect(await rank.isVisible()).toBe(false);
      await blocks.nth(4).click();
      await counts("445,248");
      await blocks.nth(4).click();
      await counts("384");
      expect(await page.getByRole("radio", { name: "Head only" }).isChecked()).toBe(true);
    },
    LONG,
  );
});

describe("what does not fit", () => {
  it(
    "is told with what would, as buttons: other batches, blocks computed twice, adapters",
    async () => {
      // A budget of its own stands for a small GPU.
      const { page, screenshot } = await chromium.open(undefined, { locale: "en-US" });
      await page.addInitScript(() => {
        const { postMessage } = Worker.prototype;
        type Message = { readonly name?: string; readonly args?: readonly object[] };
        Worker.prototype.postMessage = function (this: Worker, message: Message, ...rest: unknown[]) {
          if (message.name === "open") Object.assign(message.args![0], { gpu: { memoryBudget: 75 * 2 ** 20 } });
          return Reflect.apply(postMessage, this, [message, ...rest]);
        };
      });
      await page.goto(address());
      const text = new TextPage(page);
      await text.waitUntilReady();
      await page.getByRole("radio", { name: "Everything" }).check();
      await text.waitForStatus(/^It does not fit into memory; part 3 says what would\.$/);
      const alert = text.part("freeze").getByRole("alert");
      expect(await alert.textContent()).toMatch(/^It does not fit: training needs .*What would fit:/);
      await screenshot("text/does-not-fit");
      const offer = alert.getByRole("button", { name: /^adapters of rank 8 in place of the weights/ });
      const [, words, bytes] = (await offer.textContent())!.match(/^(.*): (.*)$/)!;
      await offer.click();
      await text.waitForStatus(/^$/);
      await expect.poll(() => text.figure("memory").textContent()).toBe(bytes);
      expect(await page.getByRole("radio", { name: "Adapters" }).isChecked()).toBe(true);
      expect(await page.getByLabel("Adapters' rank").inputValue()).toBe("8");
      expect(words).toContain(`a batch of ${await page.getByLabel("Batch").inputValue()}`);
      expect(await text.part("freeze").textContent()).toMatch(/To save memory: \d+ batches a step/);
      await screenshot("text/fits-with-adapters");
    },
    LONG,
  );
});

describe("what a person may do wrong", () => {
  it(
    "is said in words, and nothing is lost",
    async () => {
      const { page, text, screenshot } = await open();
      await page.getByRole("radio", { name: "A file of yours" }).check();
      const drop = (name: string, contents: string | Buffer) =>
        text
          .part("data")
          .locator("input[type=file]")
          .setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from(contents) });
      const message = (pattern: RegExp) => expect.poll(() => text.error.textContent()).toMatch(pattern);
      const dropped = await page.evaluateHandle(() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File(["ham\thello\nspam\n"], "broken.tsv"));
        return transfer;
      });
      await text.part("data").locator(".drop-zone").dispatchEvent("drop", { dataTransfer: dropped });
      await message(/These data cannot be used.*broken\.tsv: line 2: expected 2 columns as in line 1, found 1\./);
      await screenshot("text/broken-data");
      await drop("lone.csv", "label,text\nham,hello\nham,again\n");
      await message(/lone\.csv/);
      await drop("bytes.tsv", Buffer.from([0x61, 0xff, 0xfe]));
      await message(/bytes\.tsv is not valid UTF-8 text/);
      await drop("broken.jsonl", '{"text":"a","label":"x"}\n{"text": oops}\n');
      await message(/broken\.jsonl: line 2: not valid JSON/);
      const name = () => text.part("data").locator("[data-name]").getAttribute("data-name");
      expect(await name()).toBe("sms-1200.tsv");

      // What a file's columns are is guessed, shown, and can be changed.
      await drop("films.csv", "id,verdict,review\n1,good,so much\n2,bad,too long\n3,good,fun\n4,bad,nothing at all\n");
      await expect.poll(name).toBe("films.csv");
      expect(await page.getByLabel("Column of the label").inputValue()).toBe("verdict");
      expect(await page.getByLabel("Column of the text").inputValue()).toBe("review");
      const bars = text.part("data").getByRole("list", { name: "Examples of each class" });
      expect(await bars.textContent()).toMatch(/bad.*good/);

      // Text without labels is for a model that writes; told apart it cannot be, and the page says so.
      await drop("song.txt", "The sea is wide, the sea is deep. ".repeat(40));
      await expect.poll(name).toBe("song.txt");
      expect(await page.getByRole("radio", { name: "Write like them" }).isChecked()).toBe(true);
      await page.getByRole("radio", { name: "Tell texts apart" }).check();
      const alert = text.part("data").getByRole("alert");
      await expect.poll(() => alert.textContent()).toMatch(/song\.txt: a \.txt file has no labels/);
      await text.waitForStatus(/^The examples do not go with what the model is to learn; see part 2\.$/);
      await drop("few.tsv", "ham\thello\nspam\tagain\n");
      await message(/few\.tsv: 2 examples of 2 classes are too few.*give more text\./);
      await page.getByRole("radio", { name: "SMS spam" }).check();
      await expect.poll(name).toBe("sms-1200.tsv");

      await page.getByRole("radio", { name: "A folder of yours" }).check();
      const folder = text.part("choose").locator("input[type=file]");
      const mini = async (name: string) => ({ name, mimeType: "", buffer: await readFile(join(MINI, name)) });
      const files = [await mini("config.json"), await mini("tokenizer.json"), await mini("tokenizer_config.json")];
      // The attribute makes the picker ask for a folder; here are the files of one.
      await folder.evaluate((input) => input.removeAttribute("webkitdirectory"));
      await folder.setInputFiles(files);
      await message(/This is no model that can be used.*model\.safetensors is missing/);
      const empty = { name: "model.safetensors", mimeType: "", buffer: Buffer.alloc(0) };
      await folder.setInputFiles([files[0], empty]);
      await message(/This model cannot be used.*no tokenizer/i);
      // What was there stays, in the page's state as well as in what it shows.
      expect(await page.getByRole("radio", { name: "A folder of yours" }).isChecked()).toBe(true);
      expect(await text.part("choose").locator(".facts").textContent()).toContain("gpt2-mini-en");
      const bert = { ...files[0], buffer: Buffer.from('{"model_type": "bert", "architectures": ["BertModel"]}') };
      await folder.setInputFiles([bert, empty]);
      await message(/config\.json: "model_type" is "bert", expected "gpt2"/);
      const weights = (await mini("model.safetensors")).buffer;
      await folder.setInputFiles([
        ...files,
        { name: "model.safetensors", mimeType: "", buffer: weights.subarray(0, 5000) },
      ]);
      await message(/This model cannot be used.*model\.safetensors/);
      await screenshot("text/broken-model");
      await folder.setInputFiles([...files, { name: "model.safetensors", mimeType: "", buffer: weights }]);
      await expect.poll(() => text.part("choose").locator(".facts").textContent()).toMatch(/^Modelmodel.*2,222,592/);
      // What has gone well settles what went wrong before.
      await expect.poll(() => page.getByRole("alert").count()).toBe(0);
      await text.waitUntilReady();

      await page.getByRole("radio", { name: "The Hugging Face Hub" }).check();
      await page.getByLabel("Id on the Hub").fill("not an id");
      await page.getByLabel("Id on the Hub").press("Enter");
      await message(/This is no id.*Expected owner\/name/);
      await text.button("Close").last().click();
      await page.getByRole("radio", { name: "GPT-2 mini" }).check();
      await page.getByLabel("Epochs").fill("many");
      await expect.poll(() => page.getByText("Expected a whole number from 1 to 1000.").count()).toBeGreaterThan(0);
      // The button says what is in its way, and leads there.
      await text.button("Train").press("Enter");
      await text.waitForStatus(/^Epochs: Expected a whole number from 1 to 1000\.$/);
      expect(await page.getByLabel("Epochs").evaluate((field) => field === document.activeElement)).toBe(true);
      await page.getByRole("radio", { name: "Everything" }).check();
      await text.waitForStatus(/^$/);
    },
    LONG,
  );
});
