import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Gpu } from "../../src/gpu/index.ts";
import { limitStorage } from "../browser/storage/support.ts";
import { graft } from "../cli/commands.ts";
import { longestTask } from "../support/browser/longest-task.ts";
import { openWatchedPage } from "../support/chromium.ts";
import { unzip } from "../support/unzip.ts";
import { pressAtStep } from "./support/run-in-page.ts";
import { TextPage, useTextPage } from "./support/text-page.ts";

const { open, chromium, address } = useTextPage();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-kept-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a run of the page of texts", () => {
  it("leaves the page free, and is repeated to the bit by its command in Node", async () => {
    const { page, text } = await open({ acceptDownloads: true });
    await text.useTyped(200);
    const longest = await longestTask(chromium.browser, page, async () => {
      await text.button("Train").click();
      await text.waitForStatus(/^Done after 200 steps/);
    });
    console.log(`Longest task of the page: ${longest} ms`);
    expect(longest).toBeLessThan(100);

    await text.button("Prepare the files").click();
    const focused = () => page.evaluate(() => document.activeElement?.textContent);
    await expect.poll(focused).toBe("Download all");
    const coming = page.waitForEvent("download");
    await text.button("Download all").click();
    const entries = Object.entries(unzip(await readFile((await (await coming).path())!)));
    const own = Object.fromEntries(entries.map(([path, bytes]) => [path.replace(/^.*\//, ""), bytes]));
    const places: Record<string, string> = {
      ...{ "typed.jsonl": join(folder, "typed.jsonl"), "fine-tuned": join(folder, "fine-tuned") },
    };
    await writeFile(places["typed.jsonl"], own["typed.jsonl"]);
    const words = (await text.part("keep").locator("code").textContent())!.split(" ").slice(1);
    const openGpu = Gpu.open;
    vi.spyOn(Gpu, "open").mockImplementation((options) => openGpu.call(Gpu, { ...options, software: true }));
    const outcome = await graft(
      words.map((word) => places[word] ?? word),
      undefined,
      false,
      { GRAFT_CACHE: join(folder, "cache") },
    );
    vi.restoreAllMocks();
    expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
    const theirs = await readFile(join(places["fine-tuned"], "model.safetensors"));
    expect(theirs.equals(own["model.safetensors"])).toBe(true);
  });

  it("is shown in another tab as under way there, and may be taken up when it has ended", async () => {
    const { page, text } = await open();
    await text.useTyped(300);
    const paused = pressAtStep(page, 5, "Pause");
    await text.button("Train").click();
    await paused;
    await text.waitForStatus(/^Paused at step/);
    const other = await openWatchedPage(page.context());
    await other.page.goto(address());
    const there = new TextPage(other.page);
    await other.page.getByRole("heading", { name: "Another tab is training" }).waitFor();
    await there.waitUntilReady();
    expect(await there.button("Pick it up").count()).toBe(0);
    await other.screenshot("text/other-tab");
    await text.button("Cancel").click();
    await text.waitForStatus(/^Cancelled after/);
    await other.page.getByRole("heading", { name: "A run was stopped" }).waitFor();
    await there.button("Pick it up").press("Enter");
    expect(await other.page.evaluate(() => document.activeElement?.id)).toBe("train");
    await there.waitForStatus(/^Done after 300 steps/);
    expect(other.problems).toEqual([]);
  });

  it("goes on where the browser has no room for it, and the page says what is not kept", async () => {
    const { page, screenshot } = await chromium.open(undefined, { locale: "en-US" });
    // Less than a run's job takes, so that it does not matter what else comes first.
    await limitStorage(page, address(), 200);
    await page.goto(address());
    const text = new TextPage(page);
    await text.waitUntilReady();
    await expect
      .poll(() => page.locator("#offline").textContent())
      .toBe("This browser does not keep the page for use without a network.");
    await text.useTyped(2);
    await text.button("Train").click();
    await text.waitForStatus(/^Done after 2 steps/);
    const notice = text.part("train").getByText(/^The run goes on, but it cannot be kept, and is lost with the page: /);
    expect(await notice.textContent()).toMatch(/there is no room .* of 200 (B|bytes) are in use/);
    await screenshot("text/no-room");
  });

  it("is listed with its size, and is no longer offered when it is deleted there", async () => {
    const { page, text } = await open();
    await text.useTyped(2);
    await text.button("Train").click();
    await text.waitForStatus(/^Done after 2 steps/);
    await page.reload();
    await text.waitUntilReady();
    const offered = page.getByRole("heading", { name: "Your last run is kept" });
    await offered.waitFor();
    const panel = text.part("choose").locator("details.stored");
    const summary = panel.locator("summary");
    await summary.click();
    const rows = panel.getByRole("listitem");
    const sizes = (await rows.locator(".number").allTextContents()).map((size) => Number.parseFloat(size));
    expect(sizes.length).toBeGreaterThan(0);
    for (const size of sizes) expect(size).toBeGreaterThan(0);
    expect(await summary.textContent()).toMatch(/^Kept in this browser: [\d.]+ [KM]iB$/);
    await rows.filter({ hasText: "The last run on texts" }).getByRole("button", { name: "Delete" }).click();
    await offered.waitFor({ state: "detached" });
    await expect.poll(() => summary.evaluate((one) => one === document.activeElement)).toBe(true);
    await expect.poll(() => rows.filter({ hasText: "The last run on texts" }).count()).toBe(0);
    await page.reload();
    await text.waitUntilReady();
    expect(await offered.count()).toBe(0);
  });
});
