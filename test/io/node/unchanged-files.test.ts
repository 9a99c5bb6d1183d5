import { mkdtemp, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hubDirectory } from "../../../src/io/hub/index.ts";
import type { ModelDirectory } from "../../../src/io/index.ts";
import { downloadedModels, type ModelDirectoryOptions, modelDirectory, NodeStore } from "../../../src/io/node/index.ts";
import { cachedDirectory } from "../../../src/io/remote/index.ts";
import { FileServer, someBytes } from "../../support/file-server.ts";
import { COMMIT, type HubModelOptions, hubModel } from "../../support/hub-files.ts";

const ID = "owner/small";
const LATER = "f".repeat(40);
const CONFIG = '{"model_type": "gpt2"}';
const weights = someBytes(2_500_000);
const other = someBytes(2_500_000, 7);
type Files = Record<string, Uint8Array | string>;
const files: Files = { "config.json": CONFIG, "tokenizer.json": "{}", "model.safetensors": weights };
const changed: Files = { ...files, "config.json": '{"model_type": "newer"}' };

let folder: string;
let server: FileServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-unchanged-"));
  server = await FileServer.start(hubModel(ID, files));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const cache = (): string => join(folder, "cache");
const folderOf = (commit: string): string => join(cache(), "models/hub/owner--small", commit);
const openModel = (options: ModelDirectoryOptions = {}): Promise<ModelDirectory> =>
  modelDirectory(ID, { retryDelay: 1, env: { GRAFT_CACHE: cache(), HF_ENDPOINT: server.url }, ...options });
const push = (next: Files, options: HubModelOptions = {}): unknown =>
  Object.assign(server.files, hubModel(ID, next, { commit: LATER, ...options }));

async function bytesOf(directory: ModelDirectory, file = "model.safetensors"): Promise<Buffer> {
  const source = await directory.open(file);
  const bytes = await source.read(0, source.size);
  await source.close();
  return Buffer.from(bytes);
}

/** The files of models that are asked for meanwhile, and the bytes of them that are sent. */
async function served(work: () => Promise<unknown>): Promise<{ files: string[]; bytes: number }> {
  server.requests.length = 0;
  const before = server.sent;
  await work();
  const asked = server.requests.filter(({ path }) => path.includes("/resolve/"));
  const listings = new Set(server.requests.filter(({ path }) => path.startsWith("api/")).map(({ path }) => path));
  const aside = [...listings].reduce((sum, path) => sum + Buffer.byteLength(server.files[path]), 0);
  return { files: asked.map(({ path }) => path.split("/").at(-1)!), bytes: server.sent - before - aside };
}

const ownFiles = async (commit: string): Promise<string[]> =>
  (await readdir(folderOf(commit))).filter((file) => file !== ".source.json~").sort();
const inode = async (commit: string, file = "model.safetensors"): Promise<number> =>
  (await stat(join(folderOf(commit), file))).ino;

describe("a new commit of a model of the Hub", () => {
  it("takes over what has not changed, and downloads the rest", async () => {
    expect((await bytesOf(await openModel())).equals(weights)).toBe(true);
    push(changed);
    let newer: ModelDirectory | undefined;
    const asked = await served(async () => {
      newer = await openModel({ refresh: true });
      expect((await bytesOf(newer)).equals(weights)).toBe(true);
    });
    expect(asked).toEqual({ files: ["config.json"], bytes: Buffer.byteLength(changed["config.json"]) });
    expect(newer!.version).toBe(LATER);
    expect(await newer!.readText("config.json")).toBe(changed["config.json"]);
    expect(await newer!.list()).toEqual(Object.keys(files).sort());
    expect(await ownFiles(LATER)).toEqual(Object.keys(files).sort());
    expect(await (await openModel({ revision: COMMIT })).readText("config.json")).toBe(CONFIG);
  });

  it("shares the room with the one before, and stays whole when that is deleted", async () => {
    await bytesOf(await openModel());
    const { bytes: before } = await downloadedModels({ GRAFT_CACHE: cache() });
    push(changed);
    await bytesOf(await openModel({ refresh: true }));
    expect(await inode(LATER)).toBe(await inode(COMMIT));
    const { bytes: both } = await downloadedModels({ GRAFT_CACHE: cache() });
    expect(both - before).toBeLessThan(3000);
    await rm(folderOf(COMMIT), { recursive: true });
    const { bytes: after } = await downloadedModels({ GRAFT_CACHE: cache() });
    expect(after).toBeGreaterThan(weights.length);
    expect(
      (await served(async () => expect((await bytesOf(await openModel())).equals(weights)).toBe(true))).bytes,
    ).toBe(0);
    await rm(folderOf(LATER), { recursive: true });
    expect((await downloadedModels({ GRAFT_CACHE: cache() })).bytes).toBeLessThan(1000);
    expect((await served(async () => bytesOf(await openModel()))).files).toContain("model.safetensors");
  });

  it("copies where a file cannot have two names, with no byte over the network", async () => {
    await bytesOf(await openModel());
    push(changed);
    vi.spyOn(NodeStore.prototype, "link").mockResolvedValue(false);
    const progress: string[] = [];
    const asked = await served(async () => {
      const newer = await openModel({ refresh: true, onProgress: ({ file }) => progress.push(file) });
      expect((await bytesOf(newer)).equals(weights)).toBe(true);
    });
    expect(asked.files).toEqual(["config.json"]);
    expect(new Set(progress)).toEqual(new Set(["config.json"]));
    expect(await inode(LATER)).not.toBe(await inode(COMMIT));
    expect(await ownFiles(LATER)).toEqual(Object.keys(files).sort());
    expect((await downloadedModels({ GRAFT_CACHE: cache() })).bytes).toBeGreaterThan(2 * weights.length);
  });

  it("downloads everything where nothing tells what is the same", async () => {
    Object.assign(server.files, hubModel(ID, files, { hasHashes: false }));
    await bytesOf(await openModel());
    push(changed, { hasHashes: false });
    const all = Object.keys(files).sort();
    expect((await served(async () => bytesOf(await openModel({ refresh: true })))).files.sort()).toEqual(
      expect.arrayContaining(all),
    );
    // Nor are files taken that came before anything was told of them.
    push(changed, { commit: "e".repeat(40) });
    expect(new Set((await served(async () => bytesOf(await openModel({ refresh: true })))).files)).toEqual(
      new Set(all),
    );
  });

  it("downloads what has other contents of the same length", async () => {
    await bytesOf(await openModel());
    push({ ...files, "model.safetensors": other });
    const asked = await served(async () => {
      expect((await bytesOf(await openModel({ refresh: true }))).equals(other)).toBe(true);
    });
    expect(new Set(asked.files)).toEqual(new Set(["model.safetensors"]));
    expect(asked.bytes).toBe(other.length);
    expect((await bytesOf(await openModel({ revision: COMMIT }))).equals(weights)).toBe(true);
  });

  it("finds the same contents under another name", async () => {
    await bytesOf(await openModel());
    push({ "config.json": CONFIG, "model-00001-of-00001.safetensors": weights, "vocab.json": "{}" });
    const asked = await served(async () => {
      const newer = await openModel({ refresh: true });
      expect((await bytesOf(newer, "model-00001-of-00001.safetensors")).equals(weights)).toBe(true);
      expect(await newer.readText("vocab.json")).toBe("{}");
    });
    expect(asked).toEqual({ files: [], bytes: 0 });
  });

  it("does not trust a file of another length, or a folder whose record is broken", async () => {
    await bytesOf(await openModel());
    await truncate(join(folderOf(COMMIT), "model.safetensors"), 1000);
    push(changed);
    const asked = await served(async () => {
      expect((await bytesOf(await openModel({ refresh: true }))).equals(weights)).toBe(true);
    });
    expect(asked.files).toContain("model.safetensors");
    await writeFile(join(folderOf(COMMIT), ".source.json~"), "{");
    await writeFile(join(folderOf(LATER), ".source.json~"), '{"files": null}');
    push(changed, { commit: "e".repeat(40) });
    const again = await served(async () => {
      expect((await bytesOf(await openModel({ refresh: true }))).equals(weights)).toBe(true);
    });
    expect(again.files).toContain("model.safetensors");
  });

  it("gives up a download that was begun when the file has come otherwise", async () => {
    await openModel();
    push(changed);
    const controller = new AbortController();
    const onProgress = ({ file, loaded }: { file: string; loaded: number }) => {
      if (file === "model.safetensors" && loaded > 1_000_000) controller.abort();
    };
    const newer = await openModel({ refresh: true, signal: controller.signal, onProgress });
    await expect(newer.open("model.safetensors")).rejects.toThrow(/abort/i);
    expect(await ownFiles(LATER)).toContain(".model.safetensors.part~");
    await bytesOf(await openModel({ revision: COMMIT }));
    const asked = await served(async () => {
      expect((await bytesOf(await openModel())).equals(weights)).toBe(true);
    });
    expect(asked.files).toEqual([]);
    expect(await ownFiles(LATER)).toEqual(Object.keys(files).sort());
  });

  it("goes on with a copy that was cut short", async () => {
    await bytesOf(await openModel());
    push(changed);
    vi.spyOn(NodeStore.prototype, "link").mockResolvedValue(false);
    const { append } = NodeStore.prototype;
    const begins: number[] = [];
    vi.spyOn(NodeStore.prototype, "append").mockImplementation(async function (this: NodeStore, file, start, size) {
      begins.push(start);
      const appender = await append.call(this, file, start, size);
      const write = async (bytes: Uint8Array): Promise<void> => {
        if (begins.length === 1 && appender.size > 0) controller.abort();
        await appender.write(bytes);
      };
      return { size: appender.size, write, close: () => appender.close() };
    });
    const controller = new AbortController();
    const newer = await openModel({ revision: LATER, signal: controller.signal });
    begins.length = 0;
    await expect(newer.open("model.safetensors")).rejects.toThrow(/abort/i);
    const asked = await served(async () => {
      expect((await bytesOf(await openModel({ revision: LATER }))).equals(weights)).toBe(true);
    });
    expect(asked.files).toEqual([]);
    expect(begins).toEqual([0, 2 << 20]);
  });

  it("is there once and whole where two open it at the same time", async () => {
    await bytesOf(await openModel());
    push(changed);
    const asked = await served(async () => {
      const both = await Promise.all([openModel({ revision: LATER }), openModel({ revision: LATER })]);
      for (const one of await Promise.all(both.map((directory) => bytesOf(directory)))) {
        expect(one.equals(weights)).toBe(true);
      }
    });
    expect(asked.files).toEqual(["config.json"]);
  });
});

describe("a folder that goes on to another state", () => {
  const remote = (revision: string) => hubDirectory(ID, { hubUrl: server.url, revision });
  const store = () => NodeStore.open(join(folder, "store"));

  it("keeps the files that are the same, and forgets what was not there", async () => {
    const first = await cachedDirectory(await remote("main"), await store());
    for (const file of Object.keys(files)) await bytesOf(first, file);
    expect(await first.has("vocab.txt")).toBe(false);
    push({ ...changed, "vocab.txt": "a\n" });
    const asked = await served(async () => {
      const second = await cachedDirectory(await remote("main"), await store());
      expect([second.version, await second.readText("vocab.txt")]).toEqual([LATER, "a\n"]);
      expect((await bytesOf(second)).equals(weights)).toBe(true);
      expect(await second.readText("config.json")).toBe(changed["config.json"]);
      expect(await second.list()).toEqual(["config.json", "model.safetensors", "tokenizer.json", "vocab.txt"]);
    });
    expect(asked.files.sort()).toEqual(["config.json", "vocab.txt"]);
  });

  it("keeps nothing where nothing is told to be the same", async () => {
    Object.assign(server.files, hubModel(ID, files, { hasHashes: false }));
    await bytesOf(await cachedDirectory(await remote("main"), await store()));
    push(files, { hasHashes: false });
    await cachedDirectory(await remote("main"), await store());
    expect(await (await store()).list()).toEqual([]);
  });

  it("refuses a file of the state before once another has brought it on", async () => {
    const first = await cachedDirectory(await remote("main"), await store());
    await bytesOf(first, "config.json");
    push(changed);
    const second = await cachedDirectory(await remote("main"), await store());
    await bytesOf(second, "config.json");
    const states = `owner/small is at ${COMMIT}, and the files that are there are of ${LATER}; clear the folder`;
    await expect(first.open("model.safetensors")).rejects.toThrow(states);
    await expect(first.has("vocab.txt")).rejects.toThrow(states);
    expect((await bytesOf(second)).equals(weights)).toBe(true);
  });
});
