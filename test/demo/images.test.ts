import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Page } from "playwright";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { serveDemo } from "../../scripts/demo/serve.mjs";
import { Gpu } from "../../src/gpu/index.ts";
import { loadImageClassifier } from "../../src/models/index.ts";
import { graft } from "../cli/commands.ts";
import { useChromium } from "../support/chromium.ts";
import { useGpu } from "../support/gpu.ts";
import { unzip } from "../support/unzip.ts";
import { expectForEverybody, movingElements, smallTargets } from "./support/for-everybody.ts";
import { takeGpuAway } from "./support/gpu-process.ts";
import { pressAtStep, recordTexts } from "./support/run-in-page.ts";

const gpu = useGpu({ software: true });

/** A file as playwright puts it into a page. */
const fileOf = (name: string, mimeType: string, buffer: Buffer) => ({ name, mimeType, buffer });

/** A picture of one colour with some noise, as a photograph of a thing may be. */
async function photo(name: string, colour: readonly [number, number, number], seed: number) {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 27;
  };
  const data = Uint8Array.from({ length: 48 * 40 * 3 }, (_, i) => Math.min(255, colour[i % 3] + next()));
  return fileOf(
    name,
    "image/png",
    await sharp(data, { raw: { width: 48, height: 40, channels: 3 } })
      .png()
      .toBuffer(),
  );
}

describe("the page of pictures", () => {
  const chromium = useChromium();
  let demo: Awaited<ReturnType<typeof serveDemo>>;
  let folder: string;
  beforeAll(async () => {
    demo = await serveDemo({ isFixed: true });
    folder = await mkdtemp(join(tmpdir(), "graft-pictures-"));
  });
  afterAll(async () => {
    await demo.close();
    await rm(folder, { recursive: true });
  });

  const open = async (context?: Parameters<typeof chromium.open>[1]) => {
    const watched = await chromium.open(`${demo.url}images.html`, { locale: "en-US", ...context });
    await ready(watched.page);
    /** A picture of a state, which holds for everybody. */
    const show = async (name: string): Promise<void> => {
      await expectForEverybody(watched.page);
      await watched.screenshot(`images/${name}`);
    };
    return { ...watched, show };
  };
  const ready = (page: Page) => page.locator("#choose .facts").getByText("It knows").waitFor();
  const fillInShapes = async (page: Page): Promise<void> => {
    await page.getByRole("button", { name: "Fill in shapes" }).click();
    await expect.poll(() => page.locator(".picture").count()).toBe(24);
  };
  const train = (page: Page) => page.getByRole("button", { name: "Train", exact: true }).click();
  const status = (page: Page) => page.locator("#train .status");
  /** Draws lines on a pad, each from place to place in shares of its side. */
  const draw = async (page: Page, label: string, ...strokes: [number, number][][]): Promise<void> => {
    const pad = page.getByLabel(label, { exact: true });
    await pad.scrollIntoViewIfNeeded();
    const { x, y, width, height } = (await pad.boundingBox())!;
    for (const [[beginX, beginY], ...rest] of strokes) {
      await page.mouse.move(x + beginX * width, y + beginY * height);
      await page.mouse.down();
      for (const [toX, toY] of rest) await page.mouse.move(x + toX * width, y + toY * height, { steps: 6 });
      await page.mouse.up();
    }
  };
  const CROSS: [number, number][][] = [
    [
      [0.2, 0.2],
      [0.8, 0.8],
    ],
    [
      [0.8, 0.2],
      [0.2, 0.8],
    ],
  ];

  it("teaches a network shapes, tells a drawn one, and gives what Node opens and repeats to the bit", async () => {
    const { page, show } = await open({ acceptDownloads: true, viewport: { width: 1280, height: 900 } });
    await expect.poll(() => page.locator("#adapter").textContent()).toMatch(/SwiftShader/);
    await show("start");
    await fillInShapes(page);
    await page.getByLabel("Epochs").fill("many");
    await status(page).getByText("Epochs: Expected a whole number from 1 to 1000.").waitFor();
    // The button does not begin, but says why and leads there.
    await page.getByRole("button", { name: "Train", exact: true }).press("Enter");
    expect(await page.getByLabel("Epochs").evaluate((field) => field === document.activeElement)).toBe(true);
    await page.getByLabel("Epochs").fill("8");
    const seen = await recordTexts(status(page));
    await train(page);
    await expect.poll(seen).toContain("Pipelines compile while the weights load.");
    await show("compiling");
    await status(page)
      .getByText(/^Done after 24 steps/)
      .waitFor();
    expect(await page.locator('[data-figure="accuracy"]').textContent()).toBe("100.0 %");
    const charts = page.locator("#train .chart .plot");
    for (const title of ["Loss", "Accuracy"]) {
      await expect
        .poll(() => charts.and(page.getByLabel(new RegExp(`^${title}: `))).getAttribute("data-points"))
        .toBe("25");
    }

    // The answer follows the pen: it is there before the stroke has ended.
    const [after, before] = ["first", "last"].map((which) => page.locator("#try .card")[which as "first" | "last"]());
    expect(await after.locator(".verdict").textContent()).toBe("–");
    const [first, second] = CROSS;
    await draw(page, "Drawing pad to try", first);
    const pad = (await page.getByLabel("Drawing pad to try", { exact: true }).boundingBox())!;
    const place = ([x, y]: [number, number]): [number, number] => [pad.x + x * pad.width, pad.y + y * pad.height];
    await page.mouse.move(...place(second[0]));
    await page.mouse.down();
    await page.mouse.move(...place(second[1]), { steps: 6 });
    await after.locator(".verdict").getByText("cross", { exact: true }).waitFor();
    await page.mouse.up();
    await expect.poll(() => before.locator(".verdict").textContent()).not.toBe("–");
    await expect
      .poll(() => page.locator("#try").getByRole("status").textContent())
      .toMatch(/^After training: cross, [\d.]+ %\. Before: \w+, [\d.]+ %\.$/);
    await page.getByRole("button", { name: "Prepare the files" }).click();
    await page.locator("#keep .files").waitFor();
    await show("done");
    await page.emulateMedia({ colorScheme: "dark" });
    await show("done-dark");

    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download all" }).click();
    for (const [path, bytes] of Object.entries(unzip(await readFile((await (await coming).path())!)))) {
      const target = join(folder, "kept", path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, bytes);
    }
    const kept = join(folder, "kept", "mnist-cnn-pictures");
    const model = await loadImageClassifier(kept, { gpu: gpu() });
    expect(model.labels).toEqual(["circle", "cross", "triangle"]);
    model.dispose();
    const report = await readFile(join(kept, "report.html"), "utf8");
    expect(report).toContain("Of 6 validation examples none is told wrongly.");
    expect(report.match(/<img class="picture" src="data:image\/png;base64,/g)).toHaveLength(6);

    // With the GPU the trained network goes, and its kept run brings it back.
    await takeGpuAway(chromium.browser);
    const alert = page.getByRole("alert").getByText("The GPU was lost, and the trained network with it");
    await expect
      .poll(async () => {
        if ((await alert.count()) === 0) {
          // Not with the pointer: the message may come meanwhile, and lie in its way.
          await page.getByRole("button", { name: "Clear the pad" }).last().dispatchEvent("click");
          await draw(page, "Drawing pad to try", first);
        }
        return alert.count();
      })
      .toBe(1);
    await page.getByRole("heading", { name: "Your last run is kept" }).waitFor();
    await show("lost");
    await page.getByRole("alert").getByRole("button", { name: "Bring it back" }).click();
    await status(page)
      .getByText(/^Done after 24 steps/)
      .waitFor();
    await draw(page, "Drawing pad to try", ...CROSS);
    await after.locator(".verdict").getByText("cross", { exact: true }).waitFor();

    // The command itself, on pictures that are read from the disk by Node's decoder.
    const command = await page.locator("#keep pre").textContent();
    expect(command!.replace(/http:\S+\/assets\//, "")).toBe(
      "graft finetune --model mnist-cnn/ --task image-classify --data pictures --valid-fraction 0.25 --epochs 8 " +
        "--batch 8 --lr 0.01 --freeze '*' --new-head --seed 42 --out fine-tuned",
    );
    const places: Record<string, string> = {
      ...{ "mnist-cnn": "assets/mnist-cnn", pictures: join(kept, "pictures") },
      ...{ "fine-tuned": join(folder, "node"), "'*'": "*" },
    };
    const words = command!.split(" ").slice(1);
    const openGpu = Gpu.open;
    vi.spyOn(Gpu, "open").mockImplementation((options) => openGpu.call(Gpu, { ...options, software: true }));
    const outcome = await graft(words.map((word) => places[word] ?? word));
    vi.restoreAllMocks();
    expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
    expect(outcome.stdout).toContain("SwiftShader");
    const [own, theirs] = await Promise.all(
      [kept, join(folder, "node")].map((path) => readFile(join(path, "model.safetensors"))),
    );
    expect(own.equals(theirs)).toBe(true);
  });

  it("takes drawings and files by class, and says what is missing or wrong", async () => {
    const { page, show } = await open();
    const missing = page.locator("#examples").getByRole("status");
    await missing.getByText("Two classes with pictures are the least.").waitFor();
    await expect(page.getByText("Two classes with two pictures each come first.").isVisible()).resolves.toBe(true);
    await page.getByRole("textbox", { name: "Name of the class" }).first().fill("cross");
    await page.getByRole("button", { name: "Add the drawing to cross" }).click();
    await page.getByText("The pad is empty").waitFor();
    for (let i = 0; i < 2; i++) {
      await draw(page, "Drawing pad", ...CROSS);
      await page.getByRole("button", { name: "Add the drawing to cross" }).click();
      await page.getByRole("button", { name: `Remove picture ${i + 1} of cross` }).waitFor();
    }
    // With the keyboard: the pen goes down, to the right, and up.
    const pad = page.getByLabel("Drawing pad", { exact: true });
    await pad.focus();
    for (const key of ["Space", ..."ArrowRight ".repeat(6).trim().split(" "), "Space"]) await page.keyboard.press(key);
    await page.getByRole("button", { name: "Add the drawing to other" }).press("Enter");
    await page.getByRole("button", { name: "Remove picture 1 of other" }).waitFor();
    await missing.getByText("other has one picture; two are the least, as some are kept aside.").waitFor();

    const whole = await photo("photo.png", [200, 40, 40], 1);
    const choose = page.locator("li.class-card").last().locator("input[type=file]");
    await choose.setInputFiles([
      whole,
      fileOf("notes.txt", "text/plain", Buffer.from("Dear diary")),
      fileOf("broken.png", "image/png", Buffer.concat([whole.buffer.subarray(0, 80), Buffer.alloc(100)])),
    ]);
    const alerts = page.getByRole("alert");
    await alerts.getByText("notes.txt: cannot be decoded as an image: expected a PNG, JPEG or WebP file.").waitFor();
    await alerts.getByText("broken.png: cannot be decoded as an image: the file is broken or cut short.").waitFor();
    await page.getByRole("button", { name: "Remove picture 2 of other" }).waitFor();
    await show("wrong-files");
    await missing.getByText(/./).waitFor({ state: "detached" });
    const wide = await sharp({ create: { width: 12_000, height: 2, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    await choose.setInputFiles([
      fileOf("paper.pdf", "application/pdf", Buffer.from("%PDF-1.7")),
      fileOf("nothing.png", "image/png", Buffer.alloc(0)),
      fileOf("moving.gif", "image/gif", Buffer.from("GIF89a")),
      fileOf("wide.png", "image/png", wide),
      fileOf("more.txt", "text/plain", Buffer.from("more")),
    ]);
    const refused = alerts.filter({ hasText: "5 files are no pictures that can be used" });
    for (const words of [
      "moving.gif: cannot be decoded as an image: expected a PNG, JPEG or WebP file.",
      "nothing.png: cannot be decoded as an image: the file is empty.",
      "paper.pdf: cannot be decoded as an image: expected a PNG, JPEG or WebP file.",
      "And 1 more.",
    ])
      await refused.getByText(words).waitFor();
    await choose.setInputFiles([fileOf("wide.png", "image/png", wide)]);
    await alerts.getByText("it is 12000 × 2 pixels, and 8192 a side is the most.").waitFor();

    await page.getByRole("textbox", { name: "Name of the class" }).last().fill("cross");
    await missing.getByText("Two classes are called cross; give each a name of its own.").waitFor();
    await page.getByRole("textbox", { name: "Name of the class" }).last().fill("a/b");
    await missing.getByText('"a/b" cannot be the name of a folder').waitFor();
    for (const [name, words] of [
      ["Cross", "cross and Cross would be one folder on some systems"],
      ["photo.", '"photo." cannot be the name of a folder: it begins or ends with a dot.'],
      ["con", '"con" is no name for a folder on Windows'],
      ["  ", "Give every class a name."],
    ]) {
      await page.getByRole("textbox", { name: "Name of the class" }).last().fill(name);
      await missing.getByText(words).waitFor();
    }
    await page.getByRole("textbox", { name: "Name of the class" }).last().fill("Fête 🎉 <b>");
    await missing.getByText("cannot be the name of a folder").waitFor();
    await page.getByRole("textbox", { name: "Name of the class" }).last().fill("Fête 🎉");
    await missing.getByText(/./).waitFor({ state: "detached" });
    await page.getByRole("textbox", { name: "Name of the class" }).last().fill("photo");
    await page.getByRole("button", { name: "Remove picture 2 of photo" }).click();
    await missing.getByText("photo has one picture").waitFor();
    // Dropped on a class, as a file manager drops.
    const drop = (selector: string, names: string[]) =>
      page.evaluate(
        ([selector, base64, ...names]) => {
          const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          for (const name of names) dataTransfer.items.add(new File([bytes], name, { type: "image/png" }));
          const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
          document.querySelector(selector)!.dispatchEvent(event);
        },
        [selector, whole.buffer.toString("base64"), ...names],
      );
    await drop("li.class-card", ["dropped-1.png", "dropped-2.png"]);
    await page.getByRole("button", { name: "Remove picture 4 of cross" }).waitFor();
    await drop("#examples .drop-zone", ["loose.png"]);
    await alerts.getByText("loose.png lies in no folder").waitFor();
    const shelf = join(folder, "shelf");
    for (const name of ["cross/1.png", "house/1.png", "house/2.png"]) {
      await mkdir(dirname(join(shelf, name)), { recursive: true });
      await writeFile(join(shelf, name), whole.buffer);
    }
    await page.locator("#examples .drop-zone input[type=file]").setInputFiles(shelf);
    await page.getByRole("button", { name: "Remove picture 5 of cross" }).waitFor();
    await page.getByRole("button", { name: "Remove picture 2 of house" }).waitFor();
    await page.getByRole("button", { name: "Remove the class house" }).click();
    await page.getByText("house is gone, with 2 pictures").waitFor();
    await page.getByRole("region", { name: "Messages" }).getByRole("button", { name: "Undo" }).click();
    await page.getByRole("button", { name: "Remove picture 2 of house" }).waitFor();
    await page.getByRole("button", { name: "Remove the class house" }).click();

    await page.getByRole("button", { name: "Add a class" }).click();
    expect(await page.locator("li.class-card").count()).toBe(3);
    await page.getByRole("button", { name: "Remove the class class 3" }).click();
    expect(await page.locator("li.class-card").count()).toBe(2);
  });

  it("takes back what was done to classes, their pictures and the pad, with button, message and keyboard", async () => {
    const { page, show } = await open();
    const undo = page.locator("#examples").getByRole("button", { name: /^Undo (?!the last line|clearing)/ });
    const name = () => undo.getAttribute("aria-label");
    const pictures = (label: string) => page.getByRole("list", { name: `Pictures of ${label}`, exact: true });
    const shown = (label: string) =>
      pictures(label)
        .locator("img")
        .evaluateAll((all) => all.map((one) => (one as HTMLImageElement).naturalWidth > 0));
    const sources = (label: string) =>
      pictures(label)
        .locator("img")
        .evaluateAll((all) => all.map((one) => (one as HTMLImageElement).src));
    expect(await undo.isDisabled()).toBe(true);
    await fillInShapes(page);
    expect(await name()).toBe("Undo filling in shapes");
    const before = await sources("cross");

    // A picture: the focus stays near it, and it comes back where it was.
    const third = page.getByRole("button", { name: "Remove picture 3 of cross" });
    await third.press("Enter");
    await page.getByText("A picture of cross is gone").waitFor();
    expect(await sources("cross")).toEqual(before.toSpliced(2, 1));
    expect(await third.evaluate((one) => one === document.activeElement)).toBe(true);
    await third.press("Enter");
    // One way back is offered at a time; what is named in a field stays.
    expect(await page.getByText("A picture of cross is gone").count()).toBe(1);
    await show("undo");
    await page.getByRole("textbox", { name: "Name of the class" }).nth(2).fill("plus");
    expect(await name()).toBe("Undo removing a picture of cross");
    await undo.click();
    await undo.click();
    expect(await sources("plus")).toEqual(before);
    await expect.poll(() => shown("plus")).toEqual(Array(8).fill(true));
    expect(await page.getByText("A picture of cross is gone").count()).toBe(0);
    expect(await page.locator("#examples").getByText("Taken back: removing a picture of cross.").count()).toBe(1);

    // With the keyboard, but for what is typed; a class, then the shapes themselves.
    await page.getByRole("button", { name: "Remove the class plus" }).press("Enter");
    expect(await pictures("plus").count()).toBe(0);
    await page.keyboard.press("Control+z");
    expect(await sources("plus")).toEqual(before);
    await page.getByRole("textbox", { name: "Name of the class" }).nth(2).press("Control+z");
    expect(await name()).toBe("Undo filling in shapes");
    await undo.press("Enter");
    expect(await page.locator(".picture").count()).toBe(0);
    expect(await undo.isDisabled()).toBe(true);
    expect(
      await page.getByRole("button", { name: "Add a class" }).evaluate((one) => one === document.activeElement),
    ).toBe(true);

    // The pad: line by line, and a drawing that was cleared.
    const pad = page.getByLabel("Drawing pad", { exact: true });
    const pixels = () => pad.evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const line = page.getByRole("button", { name: "Undo the last line" }).first();
    const blank = await pixels();
    expect(await line.isDisabled()).toBe(true);
    await draw(page, "Drawing pad", CROSS[0]);
    const first = await pixels();
    await draw(page, "Drawing pad", CROSS[1]);
    const both = await pixels();
    expect(new Set([blank, first, both]).size).toBe(3);
    await page.getByRole("button", { name: "Clear the pad" }).first().click();
    expect(await pixels()).toBe(blank);
    await page.getByRole("button", { name: "Undo clearing the pad" }).click();
    expect(await pixels()).toBe(both);
    await line.click();
    expect(await pixels()).toBe(first);
    await pad.press("Control+z");
    expect(await pixels()).toBe(blank);
    await page.getByRole("button", { name: "Add the drawing to one" }).click();
    await page.getByText("The pad is empty").waitFor();
  });

  it("can be paused, picked up after a reload, and cancelled", async () => {
    const { page, show } = await open();
    await fillInShapes(page);
    await page.getByLabel("Epochs").fill("1000");
    const paused = pressAtStep(page, 1, "Pause");
    await train(page);
    await paused;
    await status(page)
      .getByText(/^Paused at step \d+\. It is kept; you may close the page\.$/)
      .waitFor();
    const held = Number((await status(page).textContent())!.match(/\d+/)![0]);
    await show("paused");
    // What it learns from cannot be taken from it meanwhile.
    expect(await page.getByRole("button", { name: "Remove the class cross" }).isDisabled()).toBe(true);
    await page.reload();
    await page.getByText("A run was stopped").waitFor();
    await expect.poll(() => page.locator(".picture").count()).toBe(24);
    expect(await page.getByLabel("Epochs").inputValue()).toBe("1000");
    await show("reloaded");
    const cancelled = pressAtStep(page, held + 1, "Cancel");
    await page.getByRole("button", { name: "Pick it up" }).click();
    await cancelled;
    await page.getByText(`Goes on after step ${held}.`).waitFor();
    await status(page)
      .getByText(/^Cancelled after \d/)
      .waitFor();
    // What was learnt so far can be tried.
    await draw(page, "Drawing pad to try", ...CROSS);
    const verdict = page.locator("#try .card .verdict").first();
    await expect.poll(() => verdict.textContent()).not.toBe("–");
  });

  it("trains where the browser keeps nothing for the page, and says so", async () => {
    const { page, screenshot } = await chromium.open(undefined, { locale: "en-US" });
    await page.addInitScript(() => {
      const refuse = () =>
        Promise.reject(new DOMException("Security error when calling GetDirectory", "SecurityError"));
      Object.defineProperty(StorageManager.prototype, "getDirectory", { value: refuse });
    });
    await page.goto(`${demo.url}images.html`);
    await ready(page);
    await page.getByRole("heading", { name: "Nothing can be kept here" }).waitFor();
    await fillInShapes(page);
    await page.getByLabel("Epochs").fill("1000");
    const seen = await recordTexts(status(page));
    const paused = pressAtStep(page, 1, "Pause");
    await train(page);
    await paused;
    await status(page)
      .getByText(/^Paused at step \d+\. It is lost when the page is closed\.$/)
      .waitFor();
    await expectForEverybody(page);
    await screenshot("images/no-storage");
    expect(await seen()).toContain("Training.");
    const held = Number((await status(page).textContent())!.match(/\d+/)![0]);
    const cancelled = pressAtStep(page, held + 1, "Cancel");
    await page.getByRole("button", { name: "Go on" }).click();
    await cancelled;
    await status(page)
      .getByText(/^Cancelled after \d/)
      .waitFor();
  });

  it("trains ResNet-20 on dropped photographs with augmentation, on a phone", async () => {
    const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
    const { page, show } = await open({ ...phone, colorScheme: "dark" });
    expect(await smallTargets(page, 44)).toEqual([]);
    await page.getByText("ResNet-20", { exact: true }).click();
    await page.locator("#choose .facts").getByText("airplane").waitFor();
    const names = page.getByRole("textbox", { name: "Name of the class" });
    const colours: Record<string, [number, number, number]> = { red: [190, 30, 30], blue: [30, 40, 190] };
    for (const [i, [name, colour]] of Object.entries(colours).entries()) {
      await names.nth(i).fill(name);
      const files = await Promise.all([1, 2, 3, 4].map((seed) => photo(`${name}-${seed}.png`, colour, 100 * i + seed)));
      await page.locator("li.class-card").nth(i).locator("input[type=file]").setInputFiles(files);
      await page.getByRole("button", { name: `Remove picture 4 of ${name}` }).waitFor();
    }
    await page.getByLabel("Pictures", { exact: true }).selectOption({ label: "Shifted and mirrored" });
    await page.getByLabel("Epochs").fill("6");
    await page.getByLabel("Batch").fill("4");
    await train(page);
    await status(page)
      .getByText(/^Done after 12 steps/)
      .waitFor();
    expect(await page.locator('[data-figure="accuracy"]').textContent()).toBe("100.0 %");
    await page.locator("#try input[type=file]").setInputFiles(await photo("new.png", [180, 35, 20], 999));
    const verdict = page.locator("#try .card").first().locator(".verdict");
    await verdict.getByText("red", { exact: true }).waitFor();
    await page.locator("#try input[type=file]").setInputFiles(fileOf("a.csv", "text/csv", Buffer.from("a,b")));
    await page.getByRole("alert").getByText("a.csv: cannot be decoded as an image").waitFor();
    await show("resnet-phone-dark");
    expect(await smallTargets(page, 44)).toEqual([]);
    // A finger draws, and the page stays where it is.
    const pad = page.getByLabel("Drawing pad to try", { exact: true });
    await pad.scrollIntoViewIfNeeded();
    const { x, y, width } = (await pad.boundingBox())!;
    const finger = await page.context().newCDPSession(page);
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", ...places: number[]) =>
      finger.send("Input.dispatchTouchEvent", {
        type,
        touchPoints: places.map((share) => ({ x: x + share * width, y: y + share * width })),
      });
    const top = await page.evaluate(() => scrollY);
    await touch("touchStart", 0.3);
    for (const share of [0.4, 0.5, 0.6, 0.7]) await touch("touchMove", share);
    await page.locator("#try .tried").waitFor({ state: "hidden" });
    await touch("touchEnd");
    expect(await page.evaluate(() => scrollY)).toBe(top);
    expect(await movingElements(page)).not.toEqual([]);
    await page.emulateMedia({ reducedMotion: "reduce" });
    expect(await movingElements(page)).toEqual([]);
  });
});
