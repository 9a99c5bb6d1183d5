import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import {
  expectChoicesInForcedColours,
  expectForEverybody,
  movingElements,
  smallTargets,
} from "./support/for-everybody.ts";
import { hostFolder } from "./support/static-host.ts";
import { TextPage, useTextPage } from "./support/text-page.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** A run on a processor, on a machine that does other things too. */
const LONG = 1_200_000;

const { open, chromium, address } = useTextPage();
/** Tabs until the element that has the focus is the one wanted. */
async function tabTo(page: Page, isThere: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press("Tab");
    if (await isThere()) return;
  }
  throw new Error("Tab does not come to it");
}

describe("the page for everybody", () => {
  it(
    "is worked from the keyboard alone, and shows where the focus is",
    async () => {
      const { page, text, screenshot } = await open();
      const focused = (script: (element: Element) => boolean) => () =>
        page.evaluate(`(${script.toString()})(document.activeElement)`) as Promise<boolean>;
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the content");
      await tabTo(
        page,
        focused((one) => (one as HTMLInputElement).value === "bundled" && !!one.closest("#data")),
      );
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      expect(await page.getByRole("radio", { name: "Typed here" }).isChecked()).toBe(true);
      await tabTo(
        page,
        focused((one) => one.textContent === "Fill in some"),
      );
      await page.keyboard.press("Enter");
      await tabTo(
        page,
        focused((one) => (one as HTMLElement).dataset.block === "h.3"),
      );
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
      expect(outline).toBe("solid");
      await page.keyboard.press("Space");
      expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-pressed"))).toBe("true");
      await screenshot("text/focus", { fullPage: false });
      await tabTo(
        page,
        focused((one) => one.id !== "" && one.closest(".field")?.textContent?.startsWith("Epochs") === true),
      );
      await page.keyboard.press("Control+A");
      await page.keyboard.type("8");
      await text.waitUntilReady();
      await tabTo(
        page,
        focused((one) => one.textContent === "Train"),
      );
      await page.keyboard.press("Enter");
      await text.waitForStatus(/^Done/);
      // The buttons that were pressed or had their turn are gone; the focus is on their like, not lost.
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Train");
      await tabTo(
        page,
        focused((one) => one.tagName === "TEXTAREA"),
      );
      await page.keyboard.type("Where is it?");
      const verdict = text.part("try").locator("[data-which=after] .verdict");
      await expect.poll(() => verdict.textContent()).toMatch(/question|statement/);
    },
    LONG,
  );

  it.each([
    ["light", 1280, "light"],
    ["dark", 1280, "dark"],
    ["phone", 390, "light"],
    ["phone-dark", 390, "dark"],
  ] as const)(
    "has a name and room for every control, texts that can be read, and nothing that sticks out, %s",
    async (name, width, colorScheme) => {
      const { page, text, screenshot } = await open({ colorScheme, viewport: { width, height: 844 } });
      for (const radio of ["A folder of yours", "The Hugging Face Hub", "Typed here"]) {
        await page.getByRole("radio", { name: radio }).check();
        await expectForEverybody(page);
        if (width < 640) expect(await smallTargets(page, 44)).toEqual([]);
      }
      await page.getByRole("radio", { name: "GPT-2 mini" }).check();
      await page.getByRole("radio", { name: "SMS spam" }).check();
      await text.waitUntilReady();
      await screenshot(`text/${name}`);
      await expectChoicesInForcedColours(
        page,
        "#data .segments :checked + span",
        "#data .segments :not(:checked) + span",
      );
      await expectChoicesInForcedColours(page, "#freeze .block.trained .mark", "#freeze .block:not(.trained) .mark");
      expect(await movingElements(page)).not.toEqual([]);
      await page.emulateMedia({ reducedMotion: "reduce" });
      expect(await movingElements(page)).toEqual([]);
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const first = await ground();
      await page.getByRole("radio", { name: colorScheme === "dark" ? "Light" : "Dark" }).check();
      expect(await ground()).not.toBe(first);
      await page.reload();
      expect(await ground()).not.toBe(first);
    },
    LONG,
  );

  it(
    "works without a network once it was loaded, the bundled model with it",
    async () => {
      const { page, text } = await open();
      await expect.poll(() => page.locator("#offline").textContent()).toMatch(/^Works without a network/);
      await page.context().setOffline(true);
      await page.reload();
      await text.waitUntilReady();
      await text.useTyped(2);
      await text.button("Train").click();
      await text.waitForStatus(/^Done after 2 steps/);
    },
    LONG,
  );

  it.each([
    [
      "index.html",
      "small limits",
      /allows too little.*maxStorageBufferBindingSize is 67108864, and 134217728 is needed/s,
    ],
    ["images.html", "no adapter", /found no graphics card.*chrome:\/\/gpu.*--use-webgpu-adapter=swiftshader/s],
    ["bench.html", "small limits", /allows too little.*Update the graphics driver/s],
    ["bench.html", "no adapter", /found no graphics card/],
  ] as const)("says on %s what is missing where a browser has %s", async (path, what, words) => {
    const { page, screenshot } = await chromium.open(undefined, { locale: "en-US" });
    await page.addInitScript((what) => {
      if (what === "no adapter") GPU.prototype.requestAdapter = async () => null;
      const limits = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "limits")!;
      const small = { maxStorageBufferBindingSize: 2 ** 26 };
      Object.defineProperty(GPUAdapter.prototype, "limits", {
        get(this: GPUAdapter) {
          return new Proxy(limits.get!.call(this) as object, {
            get: (target, name) => Reflect.get(small, name) ?? Reflect.get(target, name, target),
          });
        },
      });
    }, what);
    await page.goto(address() + path);
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.textContent()).toMatch(words);
    expect(await page.getByRole("button", { name: /^(Train|Measure)$/ }).count()).toBe(0);
    await expectForEverybody(page);
    await screenshot(`${path.replace(".html", "")}/${what.replace(" ", "-")}`);
  });

  it("opens in a browser whose language is none", async () => {
    const { page } = await chromium.open();
    await page.addInitScript(() =>
      Object.defineProperty(Navigator.prototype, "language", { get: () => "en-US@posix", configurable: true }),
    );
    await page.goto(address());
    await new TextPage(page).waitUntilReady();
  });

  it("says what is missing where there is no WebGPU", async () => {
    const { page, screenshot } = await chromium.open(undefined, { locale: "en-US" });
    await page.addInitScript(() => Object.defineProperty(Navigator.prototype, "gpu", { get: () => undefined }));
    await page.goto(address());
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.textContent()).toMatch(/This browser has no WebGPU.*flags/s);
    expect(await page.getByRole("button", { name: "Train" }).count()).toBe(0);
    await screenshot("text/no-webgpu");
  });
});

describe("the folder that npm run demo -- --out makes", () => {
  it(
    "works from a static host below a path, which serves no ranges and sends no policy",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "graft-demo-"));
      const out = join(folder, "site");
      await promisify(execFile)(process.execPath, ["scripts/demo.mjs", "--out", out], { cwd: ROOT });
      const host = await hostFolder(out, "/some/where/");
      try {
        const { page, problems, takeProblems } = await chromium.open(host.url, { locale: "en-US" });
        const text = new TextPage(page);
        await text.waitUntilReady();
        expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
        await text.useTyped(2);
        await text.button("Train").click();
        await text.waitForStatus(/^Done after 2 steps/);
        const isRefused = await page.evaluate(() => {
          const style = document.createElement("style");
          style.textContent = "body { color: red }";
          document.head.append(style);
          return style.sheet === null || getComputedStyle(document.body).color !== "rgb(255, 0, 0)";
        });
        expect(isRefused).toBe(true);
        // The policy in the page itself has refused it, and says so: to the page, and on the console.
        await expect.poll(() => problems.length).toBe(2);
        expect(takeProblems().join(" ")).toMatch(/style-src/);
      } finally {
        await host.close();
        await rm(folder, { recursive: true });
      }
    },
    LONG,
  );
});
