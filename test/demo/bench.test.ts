import { readFile } from "node:fs/promises";
import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveDemo } from "../../scripts/demo/serve.mjs";
import { type BenchReport, FAMILIES, renderBenchPage, runBench } from "../../src/bench/index.ts";
import { Gpu } from "../../src/gpu/index.ts";
import { longestTask } from "../support/browser/longest-task.ts";
import { useChromium } from "../support/chromium.ts";
import { expectForEverybody, movingElements, smallTargets } from "./support/for-everybody.ts";
import { takeGpuAway } from "./support/gpu-process.ts";

const QUICK = { samples: 1, sampleMilliseconds: 0, budgetMilliseconds: 0, preferGpuClock: false };

describe("the page of the bench", () => {
  const chromium = useChromium();
  let demo: Awaited<ReturnType<typeof serveDemo>>;
  beforeAll(async () => {
    demo = await serveDemo({ isFixed: true });
  });
  afterAll(() => demo.close());

  const open = async (context?: Parameters<typeof chromium.open>[1]) => {
    const watched = await chromium.open(`${demo.url}bench.html`, context);
    await watched.page.getByRole("heading", { name: "Kernels", exact: true }).waitFor();
    /** A picture of a state, which holds for everybody. */
    const show = async (name: string): Promise<void> => {
      await expectForEverybody(watched.page);
      await watched.screenshot(`bench/${name}`);
    };
    return { ...watched, show };
  };
  /** Picks the named families alone, at these sizes. */
  const pick = async (page: Page, sizes: Readonly<Record<string, string>>): Promise<void> => {
    await page.getByRole("button", { name: "None" }).click();
    for (const [name, size] of Object.entries(sizes)) {
      await page.getByRole("checkbox", { name: new RegExp(`^${name}`) }).check();
      await page.getByLabel(`Size of ${name}`).fill(size);
    }
    await page.getByLabel("Samples").fill("1");
  };
  const measure = (page: Page) => page.getByRole("button", { name: "Measure" }).click();
  const results = (page: Page) => page.locator("#results");
  const downloadOf = async (page: Page, part: string, name: string): Promise<string> => {
    const coming = page.waitForEvent("download");
    await page.locator(part).getByRole("button", { name }).click();
    return readFile((await (await coming).path())!, "utf8");
  };

  it("climbs ladders, shows what is right and how fast, and gives the run as the command line does", async () => {
    const { page, show } = await open({ acceptDownloads: true });
    await expect.poll(() => page.locator("#adapter").textContent()).toMatch(/^SwiftShader .* in Chrome \d+$/);
    await show("start");
    await pick(page, { matmul: "24", "layer-norm": "8x32" });
    await page.locator(".family", { hasText: "matmul" }).getByText("All 10 variants").click();
    await page.getByRole("checkbox", { name: "engine-subgroup-matrix" }).uncheck();
    await measure(page);
    await page.getByRole("button", { name: "Download JSON" }).waitFor();

    const cards = results(page).locator("article");
    expect(await cards.locator("h3").allTextContents()).toEqual(["matmul 24 × 24 × 24", "layer-norm 8 × 32"]);
    const ticks = results(page).getByRole("img", { name: "agrees with the double-precision reference" });
    const report = JSON.parse(await downloadOf(page, "#results", "Download JSON")) as BenchReport;
    expect(await ticks.count()).toBe(report.rows.length);
    expect(report.rows.map(({ status }) => status)).toEqual(report.rows.map(() => "right"));
    expect(report.rows.filter(({ group }) => group === "matmul/24x24x24").map(({ name }) => name)).toEqual([
      ...["naive", "tiled", "registers", "engine-register", "engine-shuffle", "engine-shuffle-wide"],
      ...["engine-shared", "engine-shared-wide", "engine"],
    ]);
    for (const { name, adds } of report.rows) {
      expect(await cards.getByText(adds, { exact: true }).count(), name).toBeGreaterThan(0);
    }
    await results(page)
      .getByRole("img", { name: /^Roofline of \d+ kernels under .* GFLOP\/s and .* GB\/s$/ })
      .waitFor();
    expect(await cards.locator(".value").first().textContent()).toMatch(
      /^[\d.]+ (µs|ms) · [\d.]+ G(FLOP|B)\/s · [\d.]+ %$/,
    );
    await show("done");
    await page.emulateMedia({ colorScheme: "dark" });
    await show("done-dark");
    expect(await movingElements(page)).not.toEqual([]);
    await page.emulateMedia({ reducedMotion: "reduce" });
    expect(await movingElements(page)).toEqual([]);
    // Node's reader of runs makes the same page of it.
    expect(await downloadOf(page, "#results", "Download as a page")).toBe(renderBenchPage(report));
    expect(report.versions.browser).toMatch(/^Chrome \d+$/);
  });

  it("writes JSON with the keys that a run in Node has", async () => {
    const { page } = await open({ acceptDownloads: true });
    await pick(page, { reduce: "1000" });
    await measure(page);
    const own = JSON.parse(await downloadOf(page, "#results", "Download JSON")) as BenchReport;
    using gpu = await Gpu.open({ software: true });
    const family = FAMILIES.find(({ name }) => name === "reduce")!;
    const plan = { ladders: [{ family, size: "1000" }], ops: [], steps: [] };
    for await (const event of runBench(gpu, plan, QUICK)) {
      if (event.type !== "rows") continue;
      const plain = JSON.parse(JSON.stringify(event.rows)) as BenchReport["rows"];
      expect(own.rows.map(({ id }) => id)).toEqual(plain.map(({ id }) => id));
      for (const [i, row] of plain.entries()) expect(Object.keys(own.rows[i])).toEqual(Object.keys(row));
    }
    expect(own).toMatchObject({ format: "graft-bench", formatVersion: 1, adapter: { class: "swiftshader" } });
  });

  it("is responsive while it measures, and stops at once with what it has", async () => {
    const { page, show } = await open();
    await pick(page, { softmax: "16x16", matmul: "256" });
    // matmul comes first; its naive rungs take seconds here, and all rungs the longer the more they are timed.
    await page.getByLabel("Samples").fill("99");
    await measure(page);
    const checked = page.getByRole("list", { name: "Variants that have been checked" }).getByText("naive right");
    const longest = await longestTask(chromium.browser, page, () => checked.waitFor());
    expect(longest).toBeLessThan(100);
    await page.getByRole("progressbar", { name: "Progress" }).waitFor();
    await show("running");
    await page.getByRole("button", { name: "Stop" }).click();
    // It is long before its end.
    await page.getByText("Stopped; what was measured stays.").waitFor();
    await expect.poll(() => page.getByRole("button", { name: "Measure" }).isEnabled()).toBe(true);
    // A worker that was ended has a new one in its place.
    await pick(page, { softmax: "16x16" });
    await measure(page);
    await results(page).getByRole("heading", { name: "softmax 16 × 16" }).waitFor();
  });

  it("says what is wrong with a size, and does not begin", async () => {
    const { page, show } = await open();
    await pick(page, { softmax: "64x6y" });
    await page.getByText("Expected RxC, each a whole number from 1.").waitFor();
    expect(await page.getByLabel("Size of softmax").getAttribute("aria-invalid")).toBe("true");
    expect(await page.getByRole("button", { name: "Measure" }).isDisabled()).toBe(true);
    await show("wrong-size");
    await page.getByRole("button", { name: "None" }).click();
    await page.getByText("Pick at least one kernel.").waitFor();
    // What no buffer holds is refused by name and bytes.
    await pick(page, { elementwise: "99999999999999" });
    await page
      .getByText(/^Too large: a would take 364 TiB, and a buffer of this adapter holds .* at most\.$/)
      .waitFor();
    expect(await page.getByRole("button", { name: "Measure" }).isDisabled()).toBe(true);
    await page.locator("#own").getByLabel("Size").fill("999999");
    await page
      .locator("#own")
      .getByText(/^Too large: a would take 3\.6 TiB/)
      .waitFor();
    expect(await page.getByRole("button", { name: "Check and time" }).isDisabled()).toBe(true);
    await pick(page, { elementwise: "1024" });
    expect(await page.getByRole("button", { name: "Measure" }).isEnabled()).toBe(true);
  });

  it("takes a new GPU when the one that it had is taken away, from a kernel without an end too", async () => {
    const { page, show } = await open();
    const own = page.locator("#own");
    const editor = own.getByLabel("WGSL of your kernel");
    const check = () => own.getByRole("button", { name: "Check and time" }).click();
    await page.getByLabel("Samples").fill("1");
    await own.getByLabel("Size").fill("8");
    const naive = await editor.inputValue();
    // Its sum never comes to an end. What a browser does to it after a while is done here at once.
    await editor.fill(naive.replace("k < params.K; k++", "k < params.K; k = k * 1u"));
    await check();
    const progress = own.getByRole("progressbar", { name: "Progress" });
    await expect.poll(() => progress.getAttribute("aria-valuetext")).toBe("matmul: checking yours");
    await takeGpuAway(chromium.browser);
    await own.getByText("The run did not come to its end.").waitFor();
    await page.getByRole("alert").getByText("The GPU was taken away").waitFor();
    await show("lost");
    await editor.fill(naive);
    await check();
    await own.locator(".outcome", { hasText: "It agrees with the double-precision reference" }).waitFor();
  });

  it("checks a shader of one's own, and shows the compiler's words at the line", async () => {
    const { page, show } = await open({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
    const own = page.locator("#own");
    const editor = own.getByLabel("WGSL of your kernel");
    const check = () => own.getByRole("button", { name: "Check and time" }).click();
    await page.getByLabel("Samples").fill("1");
    await own.getByLabel("Size").fill("24");
    const naive = await editor.inputValue();
    expect(naive).toContain("fn main");
    await editor.fill(naive.replace("var sum = 0.0;", "var sum = nothing;"));
    await check();
    await own.locator(".outcome", { hasText: "It does not compile;" }).waitFor();
    await own.getByRole("alert").getByText("unresolved value 'nothing'").waitFor();
    const line = naive.split("\n").findIndex((text) => text.includes("var sum")) + 1;
    expect(await own.locator(".numbers .error").allTextContents()).toEqual([String(line)]);
    await own.getByRole("button", { name: `Line ${line}` }).click();
    const selected = await editor.evaluate((area: HTMLTextAreaElement) =>
      area.value.slice(area.selectionStart, area.selectionEnd),
    );
    expect(selected).toBe("nothing;");
    await show("own-does-not-compile");
    expect(await smallTargets(page, 24)).toEqual([]);

    await editor.fill(naive.replace("sum += a[", "sum -= a["));
    await check();
    await own.locator(".outcome", { hasText: /^wrong: c\[0, 0\] is -?[\d.]+, expected -?[\d.]+ / }).waitFor();
    await editor.fill(naive.replace("] = sum;", "] = (sum - sum) / (sum - sum);"));
    await check();
    await own.locator(".outcome", { hasText: /^wrong: c\[0, 0\] is NaN, expected / }).waitFor();
    await editor.fill(naive.replace("// grid:", "// no grid:"));
    await check();
    await own
      .locator(".outcome", { hasText: /^failed: the shader does not say how many workgroups it wants/ })
      .waitFor();

    await editor.fill(naive);
    await check();
    await own
      .locator(".outcome", { hasText: "It agrees with the double-precision reference, and was timed." })
      .waitFor();
    expect(await own.locator(".ladder b").allTextContents()).toEqual(["engine", "yours"]);
    await show("own-right-phone");
  });

  it("can be driven by the keyboard alone", async () => {
    const { page } = await open();
    await page.getByRole("button", { name: "None" }).press("Enter");
    await page.getByRole("checkbox", { name: /^softmax/ }).press("Space");
    await page.keyboard.press("Tab");
    await page.keyboard.type("8x8");
    expect(await page.getByLabel("Size of softmax").inputValue()).toBe("8x8");
    await page.getByRole("button", { name: "Measure" }).press("Enter");
    await results(page).getByRole("heading", { name: "softmax 8 × 8" }).waitFor();
  });
});
