import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { useChromium } from "../support/chromium.ts";
import { hostFolder } from "./support/static-host.ts";
import { TextPage } from "./support/text-page.ts";

const ROOT = resolve(import.meta.dirname, "../..");

const chromium = useChromium();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-offline-"));
  await promisify(execFile)(process.execPath, ["scripts/demo.mjs", "--out", join(folder, "site")], { cwd: ROOT });
});
afterAll(() => rm(folder, { recursive: true }));

it.each([
  ["as they are", false],
  ["without their endings", true],
])("every page is there when its host is gone, which served pages %s", async (_how, withoutEndings) => {
  const host = await hostFolder(join(folder, "site"), "/some/where/", { withoutEndings });
  const { page } = await chromium.open(host.url, { locale: "en-US" });
  const text = new TextPage(page);
  try {
    await text.waitUntilReady();
    await expect.poll(() => page.locator("#offline").textContent()).toMatch(/^Works without a network/);
  } finally {
    await host.close();
  }
  await page.reload();
  await text.waitUntilReady();
  const goTo = async (name: string, sign: string): Promise<void> => {
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name }).click();
    await page.locator("main").getByText(sign, { exact: true }).first().waitFor();
    expect(await page.getByRole("link", { name, exact: true }).getAttribute("aria-current")).toBe("page");
  };
  await goTo("Images", "It knows");
  await goTo("Kernels", "Measure");
  // As a bookmark of such a host has it.
  await page.goto(`${host.url}images`);
  await page.locator("main").getByText("It knows").waitFor();
  expect(await page.getByRole("link", { name: "Images" }).getAttribute("aria-current")).toBe("page");
});
