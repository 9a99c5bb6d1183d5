import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium as playwright } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumLaunchOptions, type Served, useChromium } from "../../support/chromium.ts";
import { limitStorage, run, serveScenarios } from "./support.ts";

const MIB = 1 << 20;

/** Newer versions of Chromium tell every site of 10 GiB, whatever it may have. */
const NO_ROOM =
  /^browser storage\/full\/large: there is no room.* in the browser's storage for this site: .+ of (?:8\.0 MiB|10\.0 GiB) are in use\. Clear stored models/;

describe("the browser's own file system", () => {
  const chromium = useChromium();
  let site: Served;
  beforeAll(async () => {
    site = await serveScenarios();
  });
  afterAll(() => site.close());

  it.each(["page", "worker"] as const)("keeps files whole, from a %s", async (place) => {
    const { page } = await chromium.open(site.url);
    const found = await run(page, "writeAndRead", undefined, place);
    expect(found).toEqual({
      during: { list: ["config.json"], has: false },
      list: ["config.json", "model.safetensors"],
      folders: ["owner"],
      text: "tëxt",
      size: 20 * MIB,
      bytes: [4, 5],
      stored: [
        {
          path: "models/owner/name",
          files: [
            { name: "config.json", bytes: 5 },
            { name: "model.safetensors", bytes: 20 * MIB },
          ],
          bytes: 20 * MIB + 5,
          unfinished: 0,
          isRecent: true,
        },
      ],
    });
  });

  it.each(["page", "worker"] as const)("says what is wrong, in a %s", async (place) => {
    const { page } = await chromium.open(site.url);
    expect(await run(page, "complain", undefined, place)).toEqual({
      missingFolder: "browser storage/a/b: there is no such folder in the browser's storage",
      fileInTheWay: "browser storage/a/file: there is a file in the way of a folder",
      missingFile: 'browser storage/a: there is no file "other"',
      outside: 'browser storage/a/../b: ".." is not a plain file name',
      outsideFile: 'browser storage/a: "../b" is not a plain file name',
      replaced: "browser storage/a/file: the file was replaced or removed while it was read; open it again",
      range: "browser storage/a/file: bytes 0 to 4 are not within the file's 3 bytes",
      closedTwice: "browser storage/a/twice: the file was closed before",
      writtenAfter: "browser storage/a/twice: write after the file was closed",
    });
  });

  it("is listed with sizes and cleared, one folder or all", async () => {
    const { page } = await chromium.open(site.url);
    expect(await run(page, "clear")).toEqual({
      freed: [10, 0],
      left: [["d", 5]],
      below: [],
      all: 5,
      after: [],
      hasQuota: true,
      persistence: "boolean",
    });
  });

  it("shows no file that a closed tab left half written, and clears it away", async () => {
    const { page } = await chromium.open(site.url);
    const context = page.context();
    const writing = run(page, "writeForEver").catch(() => {});
    await page.waitForFunction(() => document.title === "writing");
    const second = await context.newPage();
    await second.goto(site.url);
    // Not away while its tab is there.
    expect(await run(second, "look", "half")).toMatchObject({ list: ["whole"] });
    await page.close();
    await writing;
    await expect.poll(async () => (await run(second, "look", "half")).after).toBe(0);
    expect((await run(second, "look", "half")).list).toEqual(["whole"]);
  });

  it.each(["page", "worker"] as const)("says how full it is when there is no room, in a %s", async (place) => {
    const { page } = await chromium.open(site.url);
    await limitStorage(page, site.url, 8 * MIB);
    const { message, list, stored } = await run(page, "fill", undefined, place);
    expect(message).toMatch(NO_ROOM);
    expect([list, stored]).toEqual([[], []]);
  });

  it("says so in a worker of a window that is not private", async () => {
    // What Chromium keeps in memory, for a private one, takes too much without a word; on the disk it refuses by itself.
    const profile = await mkdtemp(join(tmpdir(), "graft-profile-"));
    const context = await playwright.launchPersistentContext(profile, await chromiumLaunchOptions());
    try {
      const [page] = context.pages();
      await page.goto(site.url);
      await limitStorage(page, site.url, 8 * MIB);
      const { message, list, stored } = await run(page, "fill", undefined, "worker");
      expect(message).toMatch(NO_ROOM);
      expect([list, stored]).toEqual([[], []]);
    } finally {
      await context.close();
      await rm(profile, { recursive: true });
    }
  });

  it("gives two tabs that write at once whole files", async () => {
    const { page } = await chromium.open(site.url);
    const second = await page.context().newPage();
    await second.goto(site.url);
    const found = await Promise.all([run(page, "compete", "a", "worker"), run(second, "compete", "b")]);
    for (const one of found) expect(one).toEqual({ broken: 0, list: ["file"] });
  });
});
