import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ModelDirectory } from "../../../src/io/index.ts";
import {
  downloadedModels,
  type ModelDirectoryOptions,
  modelDirectory,
  NodeStore,
  placeOfModel,
} from "../../../src/io/node/index.ts";
import type { ByteProgress } from "../../../src/io/remote/index.ts";
import { FileServer, type ServerHabits, someBytes } from "../../support/file-server.ts";
import { COMMIT, hubModel } from "../../support/hub-files.ts";

const ID = "owner/small";
const CONFIG = '{"model_type": "gpt2"}';
const weights = someBytes(3_000_000);
const files = { "config.json": CONFIG, "tokenizer.json": "{}", "model.safetensors": weights };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-models-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const cache = (): string => join(folder, "cache");
const serve = (served: Record<string, Uint8Array | string>, habits: ServerHabits = {}) =>
  FileServer.start(served, habits);
const UNREACHABLE = "http://localhost:1023";

/** Opens a model with the server as the Hub. */
const openAt = (url: string, model: string, { env, ...options }: ModelDirectoryOptions = {}): Promise<ModelDirectory> =>
  modelDirectory(model, { retryDelay: 1, env: { GRAFT_CACHE: cache(), HF_ENDPOINT: url, ...env }, ...options });

async function bytesOf(directory: ModelDirectory, file: string): Promise<Buffer> {
  const source = await directory.open(file);
  const bytes = await source.read(0, source.size);
  await source.close();
  return Buffer.from(bytes);
}

const isWhole = async (directory: ModelDirectory): Promise<boolean> =>
  (await bytesOf(directory, "model.safetensors")).equals(weights);

/** Everything that lies in the cache, by path, own files left out. */
async function kept(): Promise<string[]> {
  const entries = await readdir(cache(), { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  return paths
    .map((path) => path.slice(cache().length + 1))
    .filter((path) => !path.endsWith("~"))
    .sort();
}

it("tells paths, addresses and names on the Hub apart, and takes a path that is there before all else", async () => {
  const place = async (text: string) => {
    const { kind, ...rest } = await placeOfModel(text);
    return [kind, ...Object.values(rest)];
  };
  expect(await place("assets/gpt2-mini-en")).toEqual(["path", "assets/gpt2-mini-en"]);
  expect(await place("package.json")).toEqual(["path", "package.json"]);
  for (const text of ["owner/name", "gpt2", "openai-community/gpt2.5_x"])
    expect(await place(text)).toEqual(["hub", text]);
  for (const text of ["https://example.org/m/", "http://localhost:80/m?key=1", "HTTPS://example.org"]) {
    expect(await place(text)).toEqual(["url", text]);
  }
  expect(await place("https://huggingface.co/openai-community/gpt2/")).toEqual(["hub", "openai-community/gpt2"]);
  expect((await place("https://huggingface.co/openai-community/gpt2/resolve/main/"))[0]).toBe("url");
  const paths = [
    "../x",
    "./x",
    "/x",
    "a/../b",
    "a/..",
    "..",
    ".",
    "a/b/c",
    "",
    "a b",
    "~/m",
    "x.safetensors",
    "ftp://a/b",
  ];
  for (const text of paths) expect((await place(text))[0], text).toBe("path");
  for (const odd of [undefined, null, 3, ""]) {
    await expect(modelDirectory(odd as string)).rejects.toThrow(
      "modelDirectory: expected a path, an address or a name on",
    );
  }
  await expect(modelDirectory("owner/name", null!)).rejects.toThrow(
    "modelDirectory: expected options as an object, got null",
  );
  for (const text of ["../none", "a/../b", "owner/../../etc", "a/b/c", "none.safetensors"]) {
    await expect(openAt(UNREACHABLE, text)).rejects.toThrow(`${text}: no such directory`);
  }
});

describe("a model of the Hub", () => {
  it("is downloaded once, the weights when they are read, and opens without a network from then on", async () => {
    const server = await serve(hubModel(ID, files));
    const first = await openAt(server.url, ID);
    expect([first.name, first.version]).toEqual([ID, COMMIT]);
    const base = `models/hub/owner--small`;
    expect(await kept()).toEqual([
      `${base}/${COMMIT}/config.json`,
      `${base}/${COMMIT}/tokenizer.json`,
      `${base}/revisions/main.txt`,
    ]);
    expect(await isWhole(first)).toBe(true);
    expect(await kept()).toContain(`${base}/${COMMIT}/model.safetensors`);
    const downloads = await downloadedModels({ GRAFT_CACHE: cache() });
    expect(downloads.path).toBe(join(cache(), "models"));
    expect(downloads.bytes).toBeGreaterThan(weights.length);
    expect(downloads.bytes).toBeLessThan(weights.length + 2000);
    const whole = weights.length + CONFIG.length + 2;
    expect(server.sent).toBeGreaterThanOrEqual(whole);
    server.requests.length = 0;
    const again = await openAt(server.url, ID);
    expect([again.name, again.version, await isWhole(again)]).toEqual([ID, COMMIT, true]);
    expect(server.requests).toEqual([]);
    await server.close();
    for (const revision of [undefined, "main", COMMIT]) {
      const offline = await openAt(UNREACHABLE, ID, { revision });
      expect(await isWhole(offline)).toBe(true);
      expect(await offline.readText("config.json")).toBe(CONFIG);
      expect([await offline.has("merges.txt"), await offline.has("model.safetensors.index.json")]).toEqual([
        false,
        false,
      ]);
    }
  });

  it("stays at its commit until it is asked for anew, or in another revision", async () => {
    const later = "f".repeat(40);
    await using server = await serve(hubModel(ID, files));
    await openAt(server.url, ID);
    const changed = { ...files, "config.json": '{"model_type": "new"}' };
    Object.assign(server.files, hubModel(ID, changed, { commit: later, revisions: ["main", "v2", "refs/pr/1"] }));
    const config = async (options: ModelDirectoryOptions) =>
      (await openAt(server.url, ID, options)).readText("config.json");
    expect(await config({})).toBe(CONFIG);
    expect(await config({ revision: "v2" })).toContain("new");
    expect(await config({})).toBe(CONFIG);
    expect(await config({ refresh: true })).toContain("new");
    expect(await config({})).toContain("new");
    expect(await config({ revision: COMMIT })).toBe(CONFIG);
    expect(await config({ revision: "refs/pr/1" })).toContain("new");
    await expect(config({ revision: "v9" })).rejects.toThrow(/^owner\/small at .*no revision "v9"/);
    await expect(openAt(UNREACHABLE, ID, { refresh: true })).rejects.toThrow(
      /the Hub cannot be reached \(.*ECONNREFUSED.*\)\. What was downloaded before is taken when/,
    );
    for (const revision of ["../x", "", "a b", "a//b", "x/"]) {
      await expect(config({ revision }), revision).rejects.toThrow(`${JSON.stringify(revision)} is no revision`);
    }
  });

  it("is taken up where a download was stopped", async () => {
    await using server = await serve(hubModel(ID, files), { delay: 1 });
    const controller = new AbortController();
    let done = 0;
    const onProgress = ({ file, loaded }: ByteProgress) => {
      if (file !== "model.safetensors" || loaded < 2_000_000) return;
      done = loaded;
      controller.abort();
    };
    const stopped = await openAt(server.url, ID, { signal: controller.signal, onProgress });
    await expect(stopped.open("model.safetensors")).rejects.toThrow(/abort/i);
    expect((await kept()).filter((path) => path.endsWith(".safetensors"))).toEqual([]);
    server.requests.length = 0;
    server.sent = 0;
    const seen: number[] = [];
    const again = await openAt(server.url, ID, { onProgress: ({ loaded }) => seen.push(loaded) });
    expect(await isWhole(again)).toBe(true);
    expect(seen[0]).toBeGreaterThanOrEqual(1_900_000);
    expect(seen[0]).toBeLessThanOrEqual(done);
    expect(seen.at(-1)).toBe(weights.length);
    expect(server.requests.filter(({ range }) => range === "bytes=0-262143")).toHaveLength(1);
    expect(server.sent).toBeLessThan(weights.length);
  });

  it("comes whole over connections that break, and from a server without ranges", async () => {
    for (const habits of [
      { cuts: [500_000, 300_000] },
      { withoutRanges: true },
      { withoutRanges: true, gzips: true },
    ]) {
      await using server = await serve(hubModel(ID, files));
      const directory = await openAt(server.url, ID);
      server.habits = habits;
      expect(await isWhole(directory)).toBe(true);
      await rm(cache(), { recursive: true });
    }
  });

  it("is downloaded once where two want it at the same time", async () => {
    await using server = await serve(hubModel(ID, files));
    const both = await Promise.all([openAt(server.url, ID), openAt(server.url, ID)]);
    expect(await Promise.all(both.map(isWhole))).toEqual([true, true]);
    expect(server.requests.filter(({ range }) => range === "bytes=0-262143")).toHaveLength(3);
  });

  it("gives weights by range, and keeps none, where they are not to be kept", async () => {
    await using server = await serve(hubModel(ID, files));
    const keeps = (file: string) => file !== "model.safetensors";
    const directory = await openAt(server.url, ID, { keeps });
    server.sent = 0;
    const source = await directory.open("model.safetensors");
    expect(Buffer.compare(await source.read(5, 100), weights.subarray(5, 100))).toBe(0);
    await source.close();
    expect((await kept()).filter((path) => path.endsWith(".safetensors"))).toEqual([]);
    expect(server.sent).toBeLessThan(weights.length);
  });

  it("says what may have been meant, and what is missing", async () => {
    await using server = await serve(hubModel(ID, files));
    const open = (id: string, options: ModelDirectoryOptions = {}) => openAt(server.url, id, options);
    await expect(open("runs/spam")).rejects.toThrow(
      /^runs\/spam: there is no such directory\. As a model of the Hub: runs\/spam at http.*: there is no such model/,
    );
    await expect(openAt(UNREACHABLE, "runs/spam")).rejects.toThrow(
      /^runs\/spam: there is no such directory\. As a model of the Hub: .*the Hub cannot be reached/,
    );
    for (const [status, message] of [
      [401, /or it is private.*\(a token is taken from HF_TOKEN\)$/],
      [403, /the model is gated.*\(a token is taken from HF_TOKEN\)$/],
      [429, /too many requests/],
    ] as const) {
      server.habits = { failures: [status] };
      await expect(open(ID)).rejects.toThrow(message);
    }
    server.habits = { failures: [401] };
    await expect(open(ID, { env: { HF_TOKEN: "hf_x" } })).rejects.toThrow(/\(the token of HF_TOKEN was sent\)$/);
    await expect(open(ID, { env: { HF_TOKEN: "x" } })).rejects.toThrow("must start with 'hf_'");
    await expect(open("assets", { revision: "v1" })).rejects.toThrow("assets is a path; a revision goes with a model");
    expect(await kept()).toEqual([]);
    Object.assign(server.files, hubModel("owner/odd", files, { commit: "v1" }));
    await expect(open("owner/odd")).rejects.toThrow('owner/odd: the Hub names no commit, but "v1"');
    // The listing is public, and the files of a gated model are not.
    const fetch: typeof globalThis.fetch = async (url, init) =>
      String(url).includes("/resolve/") ? new Response("", { status: 403 }) : globalThis.fetch(url, init);
    await expect(open(ID, { fetch })).rejects.toThrow(
      /config\.json: access is refused.*\(a token is taken from HF_TOKEN\)$/,
    );
  });

  it("says how the package is had where it is not there", async () => {
    vi.doMock("@huggingface/hub", () => {
      throw new Error("Cannot find package '@huggingface/hub'");
    });
    try {
      await expect(openAt(UNREACHABLE, ID)).rejects.toThrow(
        /^owner\/small: there is no such directory\. As a model of the Hub: models of the Hub are reached through the package "@huggingface\/hub", which cannot be loaded \(.*\): npm install @huggingface\/hub$/,
      );
    } finally {
      vi.doUnmock("@huggingface/hub");
    }
  });

  it("says what there is no room for, and keeps what there was", async () => {
    await using server = await serve(hubModel(ID, files));
    const directory = await openAt(server.url, ID);
    const handle = await open(join(folder, "any"), "w");
    const prototype = Object.getPrototypeOf(handle) as typeof handle;
    await handle.close();
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    const { write: original } = prototype;
    const write = vi.spyOn(prototype, "write").mockImplementation(function (this: typeof handle, ...words: unknown[]) {
      const isLarge = (words[0] as Uint8Array).length > 10_000;
      return isLarge ? Promise.reject(full) : Reflect.apply(original, this, words);
    } as typeof original);
    await expect(directory.open("model.safetensors")).rejects.toThrow(
      /model\.safetensors: there is no room for 2\.9 MiB on the disk: .* are free\. Free some, or name a folder elsewhere/,
    );
    write.mockRestore();
    expect(await isWhole(directory)).toBe(true);
    const store = await NodeStore.open(cache());
    await expect(store.append("large", 0, 1e18)).rejects.toThrow(/large: there is no room for .* TiB on the disk/);
  });

  it("is not given its name by who lost the turn", async () => {
    const store = await NodeStore.open(cache());
    await store.alone("file", undefined, async () => {
      const appender = await store.append("file", 0, 3);
      await appender.write(new Uint8Array(3));
      await appender.close();
      await writeFile(join(cache(), ".file.lock~"), "another");
      await expect(store.complete("file")).rejects.toThrow(
        "file: another process has taken the download over; try again",
      );
    });
    expect([await store.has("file"), await store.begun("file"), await store.list()]).toEqual([false, 3, []]);
  });
});

describe("a model at an address", () => {
  const at = (prefix: string): Record<string, Uint8Array | string> =>
    Object.fromEntries(Object.entries(files).map(([name, contents]) => [`${prefix}/${name}`, contents]));

  it("is downloaded once, and asked about again when that is wanted", async () => {
    const server = await serve(at("m"));
    const url = `${server.url}m/`;
    const first = await openAt(UNREACHABLE, `${url}?key=secret`);
    expect(first.name).toBe(url.slice(0, -1));
    expect(await isWhole(first)).toBe(true);
    server.requests.length = 0;
    const again = await openAt(UNREACHABLE, `${url}?key=secret`);
    expect([await isWhole(again), await again.has("vocab.txt"), await again.has("vocab.bpe")]).toEqual([
      true,
      false,
      false,
    ]);
    expect(server.requests).toEqual([]);
    server.files["m/config.json"] = '{"model_type": "other"}';
    server.files["m/vocab.txt"] = "a\n";
    const refreshed = await openAt(UNREACHABLE, `${url}?key=secret`, { refresh: true });
    expect(await refreshed.readText("config.json")).toContain("other");
    expect(await refreshed.readText("vocab.txt")).toBe("a\n");
    expect(server.requests.some(({ path, range }) => path.endsWith(".safetensors") && range !== "bytes=0-262143")).toBe(
      false,
    );
    await server.close();
    expect(await isWhole(await openAt(UNREACHABLE, `${url}?key=secret`))).toBe(true);
    await expect(openAt(UNREACHABLE, `${url}?key=secret`, { refresh: true, retries: 0 })).rejects.toThrow(
      "cannot be reached",
    );
    expect((await kept()).join("\n")).not.toContain("secret");
  });

  it("that gives no model leaves nothing, and is asked again", async () => {
    await using server = await serve({ "m/other.txt": "" });
    const url = `${server.url}m`;
    expect(await (await openAt(UNREACHABLE, url)).has("config.json")).toBe(false);
    expect(await kept()).toEqual([]);
    Object.assign(server.files, { "m/config.json": CONFIG });
    await openAt(UNREACHABLE, url);
    Object.assign(server.files, { "m/vocab.json": "{}", "m/model.safetensors": weights });
    const directory = await openAt(UNREACHABLE, url);
    expect([await directory.has("vocab.json"), await isWhole(directory)]).toEqual([true, true]);
    await expect(openAt(UNREACHABLE, `${UNREACHABLE}/m`, { retries: 0 })).rejects.toThrow("cannot be reached");
    await expect(openAt(UNREACHABLE, "https://")).rejects.toThrow("this is not an address");
    await expect(openAt(UNREACHABLE, url, { revision: "v1" })).rejects.toThrow("m is an address; a revision goes with");
  });

  it("has a folder of its own for each address", async () => {
    await using server = await serve({ ...at("m"), "m2/config.json": '{"a": 1}' });
    await openAt(UNREACHABLE, `${server.url}m/`);
    expect(await (await openAt(UNREACHABLE, `${server.url}m2/`)).readText("config.json")).toBe('{"a": 1}');
    expect(await (await openAt(UNREACHABLE, `${server.url}m/`)).readText("config.json")).toBe(CONFIG);
  });
});

it("takes a directory that is there, whatever its name looks like", async () => {
  await mkdir(join(folder, "owner/small"), { recursive: true });
  await writeFile(join(folder, "owner/small/config.json"), "{}");
  const before = process.cwd();
  process.chdir(folder);
  try {
    const directory = await openAt(UNREACHABLE, "owner/small");
    expect(await directory.list()).toEqual(["config.json"]);
  } finally {
    process.chdir(before);
  }
  expect(await readFile(join(folder, "owner/small/config.json"), "utf8")).toBe("{}");
});
