import { Gpu } from "../../../src/gpu/index.ts";
import type { ByteProgress, CacheOptions } from "../../../src/io/browser/index.ts";
import {
  cachedDirectory,
  clearStored,
  type DroppedFile,
  droppedFiles,
  droppedModel,
  listStored,
  OpfsDirectory,
  requestPersistence,
  saveFile,
  saveFiles,
  saveZip,
  storageEstimate,
  urlDirectory,
  urlSource,
} from "../../../src/io/browser/index.ts";
import { hubDirectory } from "../../../src/io/hub/index.ts";
import { MemoryDirectory, type ModelDirectory } from "../../../src/io/index.ts";
import { GPT2 } from "../../../src/models/index.ts";
import { sessionReader } from "../../../src/session/host/reader.ts";

const MIB = 1 << 20;

/** What an attempt throws, as text. */
const errorOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "no error",
    (error: Error) => error.message,
  );

/** A number that depends on every byte and its place. */
export function checksum(bytes: Uint8Array): number {
  let hash = bytes.length;
  for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) | 0;
  return hash;
}

async function checksumOf(directory: Pick<ModelDirectory, "open">, file: string): Promise<number> {
  const source = await directory.open(file);
  return checksum(await source.read(0, source.size));
}

const openCache = async (url: string, options: CacheOptions) =>
  cachedDirectory(
    await urlDirectory(url, { retryDelay: 1, retries: 2 }),
    await OpfsDirectory.open("models/remote", { create: true }),
    options,
  );

/** Loads a model, gives `use` what it is, and lets go of it. */
async function withModel<T>(directory: ModelDirectory, use: (model: GPT2) => Promise<T>): Promise<T> {
  const gpu = await Gpu.open();
  try {
    return await use(await GPT2.fromPretrained(directory, { gpu }));
  } finally {
    gpu.close();
  }
}

/** A number for each of some parameters, which depends on all their bits. */
async function fingerprint(model: GPT2): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const [name, tensor] of model.namedTensors()) {
    if (/wte|h\.0\.|ln_f/.test(name)) found[name] = checksum(new Uint8Array((await tensor.data()).buffer));
  }
  return found;
}

/** What was dropped into the page or picked in it. */
let dropped: Promise<DroppedFile[]> | undefined;

/** What tests have pages and workers do. */
export const scenarios = {
  async writeAndRead() {
    const directory = await OpfsDirectory.open("models/owner/name", { create: true });
    await directory.writeText("config.json", "long, long text");
    await directory.writeText("config.json", "tëxt");
    const sink = await directory.create("model.safetensors");
    for (let i = 0; i < 20; i++) await sink.write(new Uint8Array(MIB).fill(i));
    const during = { list: await directory.list(), has: await directory.has("model.safetensors") };
    await sink.close();
    const source = await directory.open("model.safetensors");
    const dropped = await directory.create("dropped");
    await dropped.write(new Uint8Array(10));
    await dropped.abort();
    return {
      during,
      list: await directory.list(),
      folders: await (await OpfsDirectory.open("models")).folders(),
      text: await directory.readText("config.json"),
      size: source.size,
      bytes: [...(await source.read(5 * MIB - 1, 5 * MIB + 1))],
      stored: (await listStored()).map(({ modified, ...rest }) => ({
        ...rest,
        isRecent: Date.now() - modified < 60_000,
      })),
    };
  },

  async complain() {
    const directory = await OpfsDirectory.open("a", { create: true });
    await directory.writeText("file", "old contents");
    const source = await directory.open("file");
    await directory.writeText("file", "new");
    const sink = await directory.create("twice");
    await sink.close();
    return {
      missingFolder: await errorOf(OpfsDirectory.open("a/b")),
      fileInTheWay: await errorOf(OpfsDirectory.open("a/file", { create: true })),
      missingFile: await errorOf(directory.open("other")),
      outside: await errorOf(OpfsDirectory.open("a/../b")),
      outsideFile: await errorOf(directory.create("../b")),
      replaced: await errorOf(source.read(0, 12)),
      range: await errorOf(directory.open("file").then((file) => file.read(0, 4))),
      closedTwice: await errorOf(sink.close()),
      writtenAfter: await errorOf(sink.write(new Uint8Array(1))),
    };
  },

  async clear() {
    for (const path of ["a/b", "a/c", "d"]) {
      await (await OpfsDirectory.open(path, { create: true })).writeText("x", "12345");
    }
    const freed = [await clearStored("a"), await clearStored("never")];
    const left = (await listStored()).map(({ path, bytes }) => [path, bytes]);
    const { quota } = await storageEstimate();
    return {
      freed,
      left,
      below: await listStored("a"),
      all: await clearStored(),
      after: await listStored(),
      hasQuota: quota > MIB,
      persistence: typeof (await requestPersistence()),
    };
  },

  /** Writes until the tab is closed. */
  async writeForEver() {
    const directory = await OpfsDirectory.open("half", { create: true });
    await directory.writeText("whole", "whole");
    const sink = await directory.create("half");
    await sink.write(new Uint8Array(3 * MIB));
    document.title = "writing";
    await new Promise(() => {});
  },

  async look(path: string) {
    const before = (await listStored(path))[0];
    const directory = await OpfsDirectory.open(path);
    return {
      unfinished: before.unfinished,
      list: await directory.list(),
      after: (await listStored(path))[0].unfinished,
    };
  },

  async fill() {
    const directory = await OpfsDirectory.open("full", { create: true });
    const sink = await directory.create("large");
    const written = errorOf(
      (async () => {
        for (let i = 0; i < 64; i++) await sink.write(new Uint8Array(MIB));
        await sink.close();
      })(),
    );
    const message = await written;
    await sink.abort();
    return { message, list: await directory.list(), stored: await listStored("full") };
  },

  /** Both tabs write the same names over and over; each file is one of theirs, whole. */
  async compete(letter: string) {
    const directory = await OpfsDirectory.open("shared", { create: true });
    let broken = 0;
    for (let i = 0; i < 15; i++) {
      const sink = await directory.create("file");
      for (let part = 0; part < 4; part++) await sink.write(new TextEncoder().encode(letter.repeat(50_000)));
      await sink.close();
      const text = await directory.readText("file").catch(() => undefined); // replaced while it was read
      if (text !== undefined && text !== "a".repeat(200_000) && text !== "b".repeat(200_000)) broken++;
    }
    return { broken, list: await directory.list() };
  },

  /** Resolves when a download of any tab, begun after this, has brought so many bytes into the storage. */
  async awaitLoaded(bytes: number) {
    const channel = new BroadcastChannel("loaded");
    await new Promise<void>((resolve) => {
      channel.onmessage = ({ data }) => data >= bytes && resolve();
      document.title = "listening";
    });
    channel.close();
  },

  async download({ url, file, stopAt, refresh }: { url: string; file: string; stopAt?: number; refresh?: boolean }) {
    const controller = new AbortController();
    const seen: ByteProgress[] = [];
    const channel = new BroadcastChannel("loaded");
    const cache = await openCache(url, {
      signal: controller.signal,
      refresh,
      onProgress: (one) => {
        seen.push(one);
        channel.postMessage(one.loaded);
        if (stopAt !== undefined && one.loaded >= stopAt) controller.abort(new Error("stopped"));
      },
    });
    const result = await checksumOf(cache, file).catch((error: Error) => error.message);
    channel.close();
    const loaded = seen.map((one) => one.loaded);
    return {
      result,
      first: loaded[0],
      last: seen.at(-1),
      grows: loaded.every((value, i) => i === 0 || value >= loaded[i - 1]),
      has: await cache.has(file),
      absent: await cache.has("absent.json").catch(() => "no network"),
      list: await cache.list().catch(() => "no network"),
    };
  },

  async damage(file: string) {
    const directory = await OpfsDirectory.open("models/remote");
    await directory.writeText(file, "something else");
  },

  async readFile({ url, retryDelay = 20, retries }: { url: string; retryDelay?: number; retries?: number }) {
    let loaded = 0;
    try {
      const source = await urlSource(url, {
        retryDelay,
        retries,
        onProgress: (one) => {
          loaded = one.loaded;
        },
      });
      const parts: Uint8Array[] = [];
      for (let at = 0; at < source.size; at += 100_000) {
        parts.push(await source.read(at, Math.min(at + 100_000, source.size)));
      }
      const bytes = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
      await source.close();
      return { sum: checksum(bytes), loaded };
    } catch (error) {
      return { error: (error as Error).message };
    }
  },

  async readHub(hubUrl: string) {
    const store = await OpfsDirectory.open("models/hub", { create: true });
    const open = () =>
      cachedDirectory((commit) => hubDirectory("openai-community/gpt2", { hubUrl, revision: commit }), store);
    const first = await open();
    const found = { list: await first.list(), sum: await checksumOf(first, "model.safetensors") };
    const again = await open();
    return { ...found, again: await checksumOf(again, "model.safetensors"), list2: await again.list() };
  },

  /** A model of the Hub in some revisions, as a session keeps them one after another. */
  async readRevisions({ hubUrl, id, revisions }: { hubUrl: string; id: string; revisions: string[] }) {
    const { fetch } = globalThis;
    globalThis.fetch = (url, init) => fetch(String(url).replace("https://huggingface.co/", hubUrl), init);
    try {
      const reader = sessionReader({ isCached: true });
      const sums: Record<string, number[]> = {};
      for (const revision of revisions) {
        const directory = await reader.model({ kind: "hub", id, revision });
        const files = ["config.json", "model.safetensors"];
        sums[revision] = await Promise.all(files.map((file) => checksumOf(directory, file)));
      }
      const stored = (await listStored("models/hub")).map(({ path, files }) => [path, files.map(({ name }) => name)]);
      return { sums, stored };
    } finally {
      globalThis.fetch = fetch;
    }
  },

  /** What opens the remote directory is called for files that are missing, with the state of those that are there. */
  async openLate(url: string) {
    const store = await OpfsDirectory.open("models/late", { create: true });
    const calls: (string | undefined)[] = [];
    const open = () =>
      cachedDirectory(async (version) => {
        calls.push(version ?? "any");
        return urlDirectory(url, { version: "one" });
      }, store);
    await (await open()).readText("config.json");
    const again = await open();
    await again.readText("config.json");
    const early = [...calls];
    await again.open("model.safetensors");
    const before = await store.list();
    const moved = await errorOf(
      cachedDirectory(() => urlDirectory(url, { version: "two" }), store).then((cache) => cache.list()),
    );
    await cachedDirectory(await urlDirectory(url, { version: "two" }), store);
    return { early, calls, before, moved, after: await store.list() };
  },

  /** From an address through the storage and back, and into a model each time. */
  async roundTrip({ url, files }: { url: string; files: string[] }) {
    const store = await OpfsDirectory.open("models/mini", { create: true });
    const seen: ByteProgress[] = [];
    const remote = await urlDirectory(url, { files });
    const cache = await cachedDirectory(remote, store, { onProgress: (one) => seen.push(one) });
    const saved = await OpfsDirectory.open("saved/mini", { create: true });
    const first = await withModel(cache, async (model) => {
      await model.save(saved);
      return fingerprint(model);
    });
    return { first, again: await withModel(saved, fingerprint), last: seen.at(-1), saved: await saved.list() };
  },

  /** A model with a changed weight, saved by the page in every way. */
  async save(url: string) {
    const out = new MemoryDirectory("out");
    await withModel(await urlDirectory(url), (model) => model.save(out));
    const files = out.blobs();
    await saveFile("notes.txt", async (sink) => {
      await sink.write(new TextEncoder().encode("one, "));
      await sink.write(new TextEncoder().encode("two"));
      await sink.close();
    });
    await saveZip("my-model.zip", files);
    await saveFiles(files);
    return Object.keys(files).sort();
  },

  /** Takes whatever is dropped from now on. */
  async awaitDrop() {
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      dropped = droppedFiles(event.dataTransfer!);
    });
    const input = document.createElement("input");
    input.type = "file";
    input.webkitdirectory = true;
    input.addEventListener("change", () => {
      dropped = droppedFiles(input.files!);
    });
    document.body.append(input);
  },

  async takeDrop() {
    const files = (await dropped) ?? [];
    dropped = undefined;
    const model = await droppedModel(files).catch((error: Error) => error.message);
    if (typeof model === "string") return { paths: files.map(({ path }) => path), error: model };
    return {
      name: model.name,
      files: Object.keys(model.files).sort(),
      weights: await withModel(model.directory, fingerprint),
    };
  },

  async otherRemote(url: string) {
    return errorOf(
      urlDirectory(url).then(async (remote) => cachedDirectory(remote, await OpfsDirectory.open("models/remote"))),
    );
  },
};

export type ScenarioName = keyof typeof scenarios;
