import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { builtPackage } from "../build/built-package.ts";
import { type Served, serve, useChromium } from "../support/chromium.ts";

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
