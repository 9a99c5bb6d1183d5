import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ByteProgress } from "../../../src/io/browser/index.ts";
import { type HubDirectoryOptions, hubDirectory } from "../../../src/io/hub/index.ts";
import { FileServer, someBytes } from "../../support/file-server.ts";
import { COMMIT, hubFiles } from "../../support/hub-files.ts";

const weights = someBytes(700_000);

describe("a model on the Hub", () => {
  let server: FileServer;
  beforeAll(async () => {
    server = await FileServer.start(hubFiles(weights));
  });
  afterAll(() => server.close());
  const open = (id: string, options: HubDirectoryOptions = {}) =>
    hubDirectory(id, { hubUrl: server.url, retryDelay: 1, ...options });

  it("is read by range from the files of one commit", async () => {
    server.habits = { cuts: [200_000] };
    server.requests.length = 0;
    let last: ByteProgress | undefined;
    const directory = await open("openai-community/gpt2", { onProgress: (one) => (last = one) });
    expect([directory.name, directory.version]).toEqual(["openai-community/gpt2", COMMIT]);
    expect(await directory.list()).toEqual(["config.json", "model.safetensors"]);
    expect([await directory.has("config.json"), await directory.has("tokenizer.json")]).toEqual([true, false]);
    expect(server.requests.length).toBe(2);
    server.habits = { cuts: [200_000] };
    const source = await directory.open("model.safetensors");
    expect(Buffer.compare(await source.read(100, 600_000), weights.subarray(100, 600_000))).toBe(0);
    await source.close();
    expect(await directory.readText("config.json")).toBe('{"model_type": "gpt2"}');
    expect(last).toMatchObject({ file: "config.json", loaded: expect.any(Number) });
    expect(last!.loaded).toBe(last!.total);
  });

  it("is asked for with the token that is given", async () => {
    server.habits = {};
    const tokens: (string | null)[] = [];
    const fetch: typeof globalThis.fetch = (url, init) => {
      tokens.push(new Headers(init?.headers).get("authorization"));
      return globalThis.fetch(url, init);
    };
    const directory = await open("openai-community/gpt2", { fetch, accessToken: "hf_secret" });
    await directory.readText("config.json");
    expect(tokens).toEqual(Array(3).fill("Bearer hf_secret"));
  });

  it("says what is wrong", async () => {
    await expect(open("../etc")).rejects.toThrow('"../etc" is no model of the Hub; expected a name such as');
    await expect(open("openai-community/gpt2", { revision: "v9" })).rejects.toThrow(
      /^openai-community\/gpt2 at http:.*: there is no such model, or it has no revision "v9"/,
    );
    for (const [status, message] of [
      [401, "or it is private"],
      [403, "the model is gated; accept its terms"],
      [429, "too many requests"],
      [500, "the Hub answers with status 500"],
    ] as const) {
      server.habits = { failures: [status] };
      await expect(open("owner/gated")).rejects.toThrow(message);
    }
    await expect(open("a/b", { hubUrl: "http://localhost:1023" })).rejects.toThrow(
      /a\/b at .*: the Hub cannot be reached/,
    );
    await expect(open("a/b", { accessToken: "secret" })).rejects.toThrow("must start with 'hf_'");
    await expect(open("a/b", { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
    const directory = await open("openai-community/gpt2");
    await expect(directory.open("tokenizer.json")).rejects.toThrow(
      /gpt2\/resolve\/.*\/tokenizer\.json: there is no such file/,
    );
  });
});
