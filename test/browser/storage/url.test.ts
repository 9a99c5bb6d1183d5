import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Served, useChromium } from "../../support/chromium.ts";
import { FileServer, type ServerHabits, someBytes } from "../../support/file-server.ts";
import { hubFiles } from "../../support/hub-files.ts";
import { checksum } from "./scenarios.ts";
import { run, serveScenarios } from "./support.ts";

describe("a file on another site", () => {
  const chromium = useChromium();
  let site: Served;
  beforeAll(async () => {
    site = await serveScenarios();
  });
  afterAll(() => site.close());

  const bytes = someBytes(3_000_000);
  const start = (habits: ServerHabits = {}) =>
    FileServer.start({ a: bytes }, { ...habits, headers: { "cache-control": "no-store", ...habits.headers } });
  const OPEN = { "access-control-allow-origin": "*" };

  it.each<[string, ServerHabits]>([
    ["lets pages see every header", { headers: { ...OPEN, "access-control-expose-headers": "ETag, Content-Range" } }],
    ["lets pages see no header of ranges", { headers: OPEN }],
    ["cuts connections", { headers: OPEN, cuts: [100_000, 1_000_000] }],
    ["has no ranges", { headers: OPEN, withoutRanges: true }],
    [
      "has no ranges and compresses, which it does not let pages see",
      { headers: OPEN, withoutRanges: true, gzips: true },
    ],
  ])("is read when the site %s", async (_, habits) => {
    await using server = await start(habits);
    const watched = await chromium.open(site.url);
    expect(await run(watched.page, "readFile", { url: `${server.url}a` })).toEqual({
      sum: checksum(bytes),
      loaded: bytes.length,
    });
    watched.takeProblems(); // Chromium tells of cut connections
  });

  it("is refused with the reason when the site does not let pages read it", async () => {
    await using server = await start();
    const watched = await chromium.open(site.url);
    const { error } = await run(watched.page, "readFile", { url: `${server.url}a` });
    expect(error).toMatch(
      /\/a: the server answers, but does not allow this page to read it\. It has to send .*\(CORS\)/,
    );
    // It is not asked for again and again: three times, and whether it is there at all.
    expect(server.requests.map(({ method }) => method)).toEqual(["GET", "GET", "GET", "HEAD"]);
    watched.takeProblems();
  });

  it("is waited for while there is no network, and then refused with that", async () => {
    await using server = await start({ headers: OPEN });
    const watched = await chromium.open(site.url);
    await watched.page.waitForFunction(() => "run" in globalThis);
    await watched.page.context().setOffline(true);
    const { error } = await run(watched.page, "readFile", { url: `${server.url}a` });
    expect(error).toBe(`${server.url}a: there is no network connection`);
    const asked = watched.page.waitForEvent("requestfailed");
    const reading = run(watched.page, "readFile", { url: `${server.url}a`, retryDelay: 50, retries: 12 });
    await asked;
    await watched.page.context().setOffline(false);
    expect((await reading).sum).toBe(checksum(bytes));
    watched.takeProblems();
  });

  it("is that of a model on the Hub, which is asked once", async () => {
    await using server = await FileServer.start(hubFiles(bytes), { headers: OPEN });
    const { page } = await chromium.open(site.url);
    const list = ["config.json", "model.safetensors"];
    const sum = checksum(bytes);
    expect(await run(page, "readHub", server.url, "worker")).toEqual({ list, sum, again: sum, list2: list });
    expect(server.requests.filter(({ path }) => path.startsWith("api/")).length).toBe(2);
  });
});
