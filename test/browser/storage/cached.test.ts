import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Served, useChromium } from "../../support/chromium.ts";
import { FileServer, type ServerHabits, someBytes } from "../../support/file-server.ts";
import { COMMIT, hubModel } from "../../support/hub-files.ts";
import { checksum } from "./scenarios.ts";
import { limitStorage, run, serveScenarios } from "./support.ts";

const MIB = 1 << 20;
/** What a host of models sends, so that pages of other sites may read it. */
const OPEN = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "ETag, Content-Range",
  "cache-control": "no-store",
};

describe("a cached directory", () => {
  const chromium = useChromium();
  let site: Served;
  beforeAll(async () => {
    site = await serveScenarios();
  });
  afterAll(() => site.close());

  const bytes = someBytes(12 * MIB + 5);
  const files = () => ({ "config.json": "{}", "model.safetensors": bytes });
  const start = (habits: ServerHabits = {}) => FileServer.start(files(), { headers: OPEN, ...habits });
  const file = "model.safetensors";

  it.each(["page", "worker"] as const)("goes on after a reload and then needs no network, in a %s", async (place) => {
    await using server = await start();
    const { url } = server;
    const watched = await chromium.open(site.url);
    const { page } = watched;
    const stopped = await run(page, "download", { url, file, stopAt: 9 * MIB }, place);
    expect(stopped).toMatchObject({ result: "stopped", grows: true, absent: false });
    // What was on its way has been noticed to be wanted no more.
    await expect.poll(() => server.sending).toBe(0);
    const before = server.sent;
    await page.reload();
    const resumed = await run(page, "download", { url, file }, place);
    expect(resumed.result).toBe(checksum(bytes));
    expect(resumed.first).toBeGreaterThan(6 * MIB);
    expect(resumed.last).toEqual({ file, loaded: bytes.length, total: bytes.length });
    // The first window was asked for before it was known what is there.
    expect(server.sent - before).toBeLessThan(bytes.length - resumed.first + 2 * MIB);
    await server.close();
    await page.reload();
    const offline = await run(page, "download", { url, file }, place);
    expect(offline).toMatchObject({ result: checksum(bytes), has: true, absent: false });
    expect(offline.list).toEqual(["config.json", file]);
    expect(offline.last).toBeUndefined();
    watched.takeProblems(); // 404s of absent files
  });

  it.each([
    ["page", 8 * MIB],
    ["worker", 8 * MIB],
    ["page", 60_000],
    ["worker", 60_000],
  ] as const)(
    "reads a file that there is no room for from where it comes, and keeps the others, in a %s with %i bytes",
    async (place, room) => {
      await using server = await start();
      const watched = await chromium.open(site.url);
      const { page } = watched;
      await limitStorage(page, site.url, room);
      const { url } = server;
      // The second time there is a part of it already, which cannot be gone on with.
      for (let time = 0; time < 2; time++) {
        const read = await run(page, "download", { url, file }, place);
        expect(read).toMatchObject({ result: checksum(bytes), absent: false });
      }
      const small = await run(page, "download", { url, file: "config.json" }, place);
      expect(small).toMatchObject({ result: checksum(new TextEncoder().encode("{}")), has: true });
      watched.takeProblems(); // 404s of absent files
    },
  );

  it("keeps most of what arrived when the tab is closed in the middle", async () => {
    await using server = await start();
    const { url } = server;
    const watched = await chromium.open(site.url);
    const { page } = watched;
    const second = await page.context().newPage();
    for (const place of ["page", "worker"] as const) {
      await second.goto(site.url);
      server.habits = { ...server.habits, holdAt: server.sent + 10 * MIB };
      const arrived = run(page, "awaitLoaded", 8 * MIB);
      await page.waitForFunction(() => document.title === "listening");
      const going = run(second, "download", { url, file }, place).catch(() => {});
      await arrived;
      await second.goto("about:blank");
      await going;
      server.habits = { ...server.habits, holdAt: undefined };
      const resumed = await run(page, "download", { url, file }, place);
      expect(resumed.result).toBe(checksum(bytes));
      expect(resumed.first).toBeGreaterThan(3 * MIB);
      await run(page, "clear");
      await page.evaluate(() => {
        document.title = "";
      });
    }
    watched.takeProblems();
  });

  it("begins anew when the file has changed, or nothing tells whether it has", async () => {
    await using server = await start();
    const { url } = server;
    const watched = await chromium.open(site.url);
    await run(watched.page, "download", { url, file, stopAt: 8 * MIB });
    const changed = someBytes(10 * MIB, 7);
    server.files[file] = changed;
    expect((await run(watched.page, "download", { url, file })).result).toBe(checksum(changed));
    await run(watched.page, "clear");
    server.habits = { ...server.habits, withoutEtag: true };
    await run(watched.page, "download", { url, file, stopAt: 8 * MIB });
    const resumed = await run(watched.page, "download", { url, file });
    expect([resumed.result, resumed.first < 2 * MIB]).toEqual([checksum(changed), true]);
    watched.takeProblems();
  });

  it("asks whether a file has changed when it is to, and keeps it where nobody answers", async () => {
    await using server = await start();
    const { url } = server;
    const watched = await chromium.open(site.url);
    const sumOf = async (refresh: boolean) => (await run(watched.page, "download", { url, file, refresh })).result;
    await sumOf(false);
    const changed = someBytes(MIB, 9);
    server.files[file] = changed;
    expect(await sumOf(false)).toBe(checksum(bytes));
    expect(await sumOf(true)).toBe(checksum(changed));
    await server.close();
    expect(await sumOf(true)).toBe(checksum(changed));
    watched.takeProblems();
  });

  it("fetches a file of another length than it had anew, and minds whose folder it is", async () => {
    await using server = await start();
    const { url } = server;
    const watched = await chromium.open(site.url);
    await run(watched.page, "download", { url, file });
    await run(watched.page, "damage", file);
    expect((await run(watched.page, "download", { url, file })).result).toBe(checksum(bytes));
    expect(await run(watched.page, "otherRemote", `${url}other`)).toMatch(
      /^browser storage\/models\/remote: the folder holds files of http:.*, not of http:.*\/other; take another folder/,
    );
    watched.takeProblems();
  });

  it("opens what is remote only for what is missing, and mixes no two states of it", async () => {
    await using server = await start();
    const { page } = await chromium.open(site.url);
    const found = await run(page, "openLate", server.url);
    expect(found).toEqual({
      early: ["any"],
      calls: ["any", "one"],
      before: ["config.json", "model.safetensors"],
      moved: expect.stringMatching(/ is at two, and the files that are there are of one; clear the folder/),
      after: [],
    });
  });

  it("takes what two revisions of a model of the Hub have in common over the network once", async () => {
    const id = "owner/name";
    const later = { "config.json": '{"newer": 1}', "model.safetensors": bytes };
    await using server = await FileServer.start(
      { ...hubModel(id, files()), ...hubModel(id, later, { commit: "f".repeat(40), revisions: ["v2"] }) },
      { headers: OPEN },
    );
    const { page } = await chromium.open(site.url);
    const found = await run(page, "readRevisions", { hubUrl: server.url, id, revisions: ["main", "v2"] });
    const encoder = new TextEncoder();
    expect(found.sums).toEqual({
      main: [checksum(encoder.encode("{}")), checksum(bytes)],
      v2: [checksum(encoder.encode(later["config.json"])), checksum(bytes)],
    });
    const both = ["config.json", "model.safetensors"];
    expect(found.stored).toEqual([
      [`models/hub/${id}@main`, both],
      [`models/hub/${id}@v2`, both],
    ]);
    const weights = server.requests.filter(({ path }) => path.endsWith(".safetensors"));
    expect(new Set(weights.map(({ path }) => path))).toEqual(new Set([`${id}/resolve/${COMMIT}/model.safetensors`]));
    expect(server.sent).toBeLessThan(bytes.length + 3 * MIB);
  });

  it("is filled once by two tabs that open it together", async () => {
    await using server = await start();
    const { url } = server;
    const watched = await chromium.open(site.url);
    const second = await watched.page.context().newPage();
    await second.goto(site.url);
    const found = await Promise.all([
      run(watched.page, "download", { url, file }),
      run(second, "download", { url, file }, "worker"),
    ]);
    expect(found.map(({ result }) => result)).toEqual([checksum(bytes), checksum(bytes)]);
    expect(server.sent).toBeLessThan(bytes.length + 2 * MIB);
    watched.takeProblems();
  });
});
