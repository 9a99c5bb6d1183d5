import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ByteProgress, TransferOptions } from "../../../src/io/browser/index.ts";
import { TransferError, urlDirectory, urlSource } from "../../../src/io/browser/index.ts";
import { FileServer, type ServerHabits, someBytes } from "../../support/file-server.ts";

const MIB = 1 << 20;
const quick: TransferOptions = { retryDelay: 1 };

/** Reads a file by pieces, in order. */
async function readThrough(url: string, piece: number, options: TransferOptions = quick): Promise<Uint8Array> {
  const source = await urlSource(url, options);
  const bytes = new Uint8Array(source.size);
  for (let at = 0; at < source.size; at += piece) {
    bytes.set(await source.read(at, Math.min(at + piece, source.size)), at);
  }
  await source.close();
  return bytes;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe("a file at an address", () => {
  const file = someBytes(3 * MIB + 17);

  it("is read by ranges that many small reads share", async () => {
    await using server = await FileServer.start({ "a b.bin": file });
    expect(same(await readThrough(`${server.url}a%20b.bin`, 10_007), file)).toBe(true);
    expect(server.requests.map(({ range }) => range)).toEqual([
      "bytes=0-262143",
      "bytes=262144-786431",
      "bytes=786432-1835007",
      "bytes=1835008-3145744",
    ]);
    expect(server.sent).toBe(file.length);
  });

  it("passes over a small gap in the answer, and asks anew over a large one or backwards", async () => {
    await using server = await FileServer.start({ a: someBytes(8 * MIB) });
    const bytes = server.files.a as Uint8Array;
    const source = await urlSource(`${server.url}a`, quick);
    for (const [start, end] of [
      [0, 100],
      [5_000, 6_000],
      [3 * MIB, 3 * MIB + 10],
      [10, 20],
      [8 * MIB - 5, 8 * MIB],
    ]) {
      expect([...(await source.read(start, end))]).toEqual([...bytes.subarray(start, end)]);
    }
    expect(server.requests.map(({ range }) => range?.match(/\d+/)?.[0])).toEqual([
      "0",
      `${3 * MIB}`,
      "10",
      `${8 * MIB - 5}`,
    ]);
    await source.close();
    await expect(source.read(0, 1)).rejects.toThrow("the file was closed");
  });

  it.each<[string, ServerHabits]>([
    ["without ranges", { withoutRanges: true }],
    ["without ranges or length", { withoutRanges: true, withoutLength: true }],
    ["without ranges, compressed", { withoutRanges: true, gzips: true }],
    ["without ETag", { withoutEtag: true }],
  ])("is read from a server %s", async (_, habits) => {
    await using server = await FileServer.start({ a: file }, habits);
    const seen: ByteProgress[] = [];
    const got = await readThrough(`${server.url}a`, 100_000, { ...quick, onProgress: (one) => seen.push(one) });
    expect(same(got, file)).toBe(true);
    expect(seen.at(-1)).toMatchObject({ loaded: file.length, total: file.length });
    if (habits.withoutRanges) expect(server.requests.length).toBe(1);
  });

  it("is read backwards from a server without ranges, in one more pass", async () => {
    await using server = await FileServer.start({ a: file }, { withoutRanges: true });
    const source = await urlSource(`${server.url}a`, quick);
    for (const start of [2 * MIB, 100]) {
      expect(same(await source.read(start, start + 50), file.subarray(start, start + 50))).toBe(true);
    }
    expect(server.requests.length).toBe(2);
    await source.close();
  });

  it("goes on at the byte where a connection was cut", async () => {
    await using server = await FileServer.start({ a: file }, { cuts: [100_000, 0, 300_000, 1_000_000] });
    const seen: number[] = [];
    const got = await readThrough(`${server.url}a`, MIB, { ...quick, onProgress: ({ loaded }) => seen.push(loaded) });
    expect(same(got, file)).toBe(true);
    expect(server.requests.slice(1, 3).map(({ range }) => range?.startsWith("bytes=100000-"))).toEqual([true, true]);
    expect(server.sent).toBe(file.length); // no byte came twice
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(file.length);
  });

  it("goes on without ranges, in another pass, and counts its bytes once", async () => {
    await using server = await FileServer.start({ a: file }, { withoutRanges: true, cuts: [2 * MIB, 10] });
    let loaded = 0;
    const got = await readThrough(`${server.url}a`, 77_777, { ...quick, onProgress: (one) => (loaded = one.loaded) });
    expect(same(got, file)).toBe(true);
    expect([server.requests.length, loaded]).toEqual([3, file.length]);
  });

  it("waits for a busy server, and gives up after the retries", async () => {
    await using server = await FileServer.start({ a: file }, { failures: [503, 500, 429] });
    expect(same(await readThrough(`${server.url}a`, MIB), file)).toBe(true);
    server.habits = { failures: Array(20).fill(503) };
    const asked = server.requests.length;
    await expect(urlSource(`${server.url}a`, { ...quick, retries: 2 })).rejects.toThrow(
      /\/a: the server fails \(HTTP 503\)/,
    );
    expect(server.requests.length - asked).toBe(3);
  });

  it("takes a silent connection for a broken one", async () => {
    await using server = await FileServer.start({ a: file }, { stalls: [60_000, 60_000] });
    expect(same(await readThrough(`${server.url}a`, MIB, { ...quick, stallTimeout: 100 }), file)).toBe(true);
  });

  it("is not joined from two versions", async () => {
    await using server = await FileServer.start({ a: file });
    const source = await urlSource(`${server.url}a`, quick);
    await source.read(0, 10);
    server.files.a = someBytes(file.length, 2);
    await expect(source.read(2 * MIB, 2 * MIB + 10)).rejects.toThrow(
      /\/a: the file has changed on the server while it was read/,
    );
    server.files.a = file.subarray(0, MIB);
    await expect(source.read(2 * MIB, 2 * MIB + 10)).rejects.toThrow("the file has changed on the server");
    server.habits = { withoutEtag: true };
    await expect(source.read(0, 10)).rejects.toThrow(`it was ${file.length} bytes, and is ${MIB} bytes`);
  });

  it("ends with the signal, in a read and between retries", async () => {
    await using server = await FileServer.start({ a: file }, { delay: 50 });
    const controller = new AbortController();
    const source = await urlSource(`${server.url}a`, { ...quick, signal: controller.signal });
    const reading = source.read(0, file.length);
    setTimeout(() => controller.abort(new Error("enough")), 30);
    await expect(reading).rejects.toThrow("enough");
    server.habits = { failures: Array(20).fill(500) };
    const begun = performance.now();
    await expect(
      urlSource(`${server.url}a`, { retryDelay: 60_000, signal: AbortSignal.timeout(50) }),
    ).rejects.toThrow();
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  it("may be empty", async () => {
    await using server = await FileServer.start({ none: "" });
    const source = await urlSource(`${server.url}none`, quick);
    expect([source.size, (await source.read(0, 0)).length]).toEqual([0, 0]);
  });

  it("says what is wrong with an address", async () => {
    await using server = await FileServer.start({ a: file });
    const failsAs = async (url: string, message: RegExp | string, options = quick) => {
      const error = await urlSource(url, options).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(TransferError);
      expect((error as Error).message).toMatch(message);
    };
    await failsAs(`${server.url}b?token=secret`, /^http:\/\/localhost:\d+\/b: there is no such file \(HTTP 404/);
    await failsAs("not an address", "this is not an address");
    await failsAs("http://localhost:1023/a", /the server cannot be reached \(.*ECONNREFUSED/, { ...quick, retries: 1 });
    server.habits = { pageForMissing: true };
    await failsAs(`${server.url}b`, "an HTML page instead of the file");
    server.habits = { failures: [403] };
    await failsAs(`${server.url}a`, /access is refused \(HTTP 403\)/);
    server.habits = { headers: { "content-encoding": "gzip" } };
    await failsAs(`${server.url}a`, "the server compresses ranges");
  });

  it("gives the same bytes for any reads, whatever the server does", async () => {
    await using server = await FileServer.start({ a: someBytes(1_000_000) });
    const bytes = server.files.a as Uint8Array;
    const range = fc.tuple(fc.nat(bytes.length), fc.oneof(fc.nat(100), fc.nat(400_000)));
    const habits = fc.record({
      withoutRanges: fc.boolean(),
      withoutEtag: fc.boolean(),
      withoutLength: fc.boolean(),
      gzips: fc.boolean(),
      cuts: fc.array(fc.nat(600_000), { maxLength: 3 }),
      failures: fc.array(fc.constantFrom(500, 503, 429), { maxLength: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(range, { minLength: 1, maxLength: 6 }),
        habits,
        fc.boolean(),
        async (reads, has, atOnce) => {
          server.habits = has;
          let last: ByteProgress | undefined;
          const onProgress = (one: ByteProgress) => {
            expect(one.loaded).toBeGreaterThan((last?.loaded ?? 0) - 1);
            expect(one.total).toBeGreaterThanOrEqual(one.loaded);
            last = one;
          };
          const source = await urlSource(`${server.url}a`, { retryDelay: 0, retries: 8, onProgress });
          expect(source.size).toBe(bytes.length);
          const check = async ([start, length]: [number, number]) => {
            const end = Math.min(bytes.length, start + length);
            expect(same(await source.read(start, end), bytes.subarray(start, end))).toBe(true);
          };
          if (atOnce) await Promise.all(reads.map(check));
          else for (const one of reads) await check(one);
          await source.close();
          if (last) expect(last.loaded).toBe(last.total);
          expect(last?.loaded ?? 0).toBeLessThanOrEqual(bytes.length);
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe("a directory at an address", () => {
  const files = {
    "m/config.json": '{"a": "ü"}',
    "m/model.safetensors.index.json": '{"weight_map": {"x": "one.safetensors", "y": "two.safetensors"}}',
    "m/one.safetensors": someBytes(100),
    "m/two.safetensors": someBytes(100),
  };

  it("finds files by asking for them", async () => {
    await using server = await FileServer.start(files);
    const directory = await urlDirectory(`${server.url}m`, quick);
    expect(server.requests).toEqual([]);
    expect(await directory.has("config.json")).toBe(true);
    expect(await directory.has("model.safetensors")).toBe(false);
    expect(await directory.has("config.json")).toBe(true);
    expect(server.requests.map(({ method }) => method)).toEqual(["HEAD", "HEAD"]);
    expect(await directory.list()).toEqual([
      "config.json",
      "model.safetensors.index.json",
      "one.safetensors",
      "two.safetensors",
    ]);
    expect(await directory.readText("config.json")).toBe('{"a": "ü"}');
    await expect(directory.readText("tokenizer.json")).rejects.toThrow(/m\/tokenizer.json: there is no such file/);
    await expect(directory.has("../m")).rejects.toThrow("is not a plain file name");
  });

  it("asks for no file that a list of its files leaves out", async () => {
    await using server = await FileServer.start(files);
    const directory = await urlDirectory(`${server.url}m/`, { ...quick, files: ["config.json"] });
    expect([await directory.has("config.json"), await directory.has("vocab.json")]).toEqual([true, false]);
    expect(await directory.list()).toEqual(["config.json"]);
    expect(server.requests).toEqual([]);
  });

  it.each<[string, ServerHabits]>([
    ["no heads", { refuses: ["HEAD"] }],
    ["pages for what is missing", { pageForMissing: true }],
    ["compressed answers", { gzips: true }],
    ["failures", { failures: [500, 503] }],
  ])("is served with %s", async (_, habits) => {
    await using server = await FileServer.start(files, habits);
    let last: ByteProgress | undefined;
    const directory = await urlDirectory(`${server.url}m`, { ...quick, onProgress: (one) => (last = one) });
    expect([await directory.has("config.json"), await directory.has("vocab.json")]).toEqual([true, false]);
    expect(await directory.readText("config.json")).toBe('{"a": "ü"}');
    expect(last).toEqual({ file: "config.json", loaded: 11, total: 11 });
  });

  it("adds up the bytes of all files", async () => {
    await using server = await FileServer.start(files);
    let last: ByteProgress | undefined;
    const directory = await urlDirectory(`${server.url}m`, { ...quick, onProgress: (one) => (last = one) });
    const [one, two] = [await directory.open("one.safetensors"), await directory.open("two.safetensors")];
    await one.read(0, 100);
    expect(last).toMatchObject({ loaded: 100, total: 200 });
    await two.close();
    expect(last).toMatchObject({ loaded: 100, total: 100 });
    await one.close();
  });

  it("keeps the query of its address for every file, and out of messages", async () => {
    await using server = await FileServer.start(files);
    const asked: string[] = [];
    const fetch: typeof globalThis.fetch = (url, init) => {
      asked.push(String(url));
      return globalThis.fetch(url, init);
    };
    const directory = await urlDirectory(`${server.url}m?key=1`, { ...quick, fetch });
    await directory.readText("config.json");
    expect(asked).toEqual([`${server.url}m/config.json?key=1`]);
    expect(directory.name).toBe(`${server.url}m`);
  });
});
