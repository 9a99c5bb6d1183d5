import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { inspect } from "../../src/cli/commands/inspect.ts";
import { DownloadLine } from "../../src/cli/download-line.ts";
import { readLabelledImages } from "../../src/cli/images.ts";
import { run } from "../../src/cli/run.ts";
import { defaultPreprocessing, serializeSafetensors } from "../../src/io/index.ts";
import { FileServer } from "../support/file-server.ts";
import { hubModel } from "../support/hub-files.ts";
import { graft, MODEL, type Outcome } from "./commands.ts";
import { MemoryOutput, memoryContext } from "./support.ts";

const ID = "owner/gpt2-mini";

let server: FileServer;
let folder: string;
beforeAll(async () => {
  const names = (await readdir(MODEL)).filter((name) => /\.(json|txt|safetensors)$/.test(name));
  const files = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, new Uint8Array(await readFile(join(MODEL, name)))] as const)),
  );
  const atAddress = Object.entries(files).map(([name, bytes]) => [`models/mini/${name}`, bytes]);
  server = await FileServer.start({ ...hubModel(ID, files), ...Object.fromEntries(atAddress) });
});
afterAll(() => server.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-remote-"));
  server.requests.length = 0;
});
afterEach(() => rm(folder, { recursive: true }));

const env = (url = server.url) => ({ HF_ENDPOINT: url, GRAFT_CACHE: join(folder, "cache") });
const call = (args: readonly string[], environment = env()): Promise<Outcome> =>
  graft(args, undefined, false, environment);
const UNREACHABLE = "http://localhost:1023";

const PROMPT = ["--prompt", "The sea", "--max-new-tokens", "3", "--greedy"];

describe("a model that is no directory here", () => {
  it("is generated with, from the Hub, from an address and from a directory, to the same text", async () => {
    const local = await call(["generate", "--model", MODEL, ...PROMPT]);
    expect(local.code).toBe(0);
    expect(await call(["generate", "--model", ID, "--revision", "main", ...PROMPT])).toEqual(local);
    expect(await call(["generate", "--model", `${server.url}models/mini/`, ...PROMPT])).toEqual(local);
    server.requests.length = 0;
    expect(await call(["generate", "--model", ID, ...PROMPT], env(UNREACHABLE))).toEqual(local);
    expect(await call(["generate", "--model", `${server.url}models/mini/`, ...PROMPT])).toEqual(local);
    expect(server.requests).toEqual([]);
  });

  it("is planned with before anything of its weights is there", async () => {
    const args = ["finetune", "--task", "classify", "--data", "assets/sms-spam/sms.tsv", "--out", join(folder, "out")];
    const plan = (model: string) => call([...args, "--model", model, "--plan", "--json"]);
    const [there, here] = [await plan(ID), await plan(MODEL)];
    expect([there.code, there.stderr]).toEqual([0, ""]);
    expect(there.stdout).toBe(here.stdout);
    expect(server.requests.filter(({ path }) => path.endsWith(".safetensors"))).toHaveLength(1);
  });

  it("is inspected by the headers of its weights", async () => {
    const look = async (path: string, ...rest: string[]) => {
      const context = { ...memoryContext(), env: env() };
      const code = await run(
        ["inspect", path, "--json", ...rest],
        { inspect: { summary: "", load: async () => inspect } },
        context,
      );
      const found = context.stdout.text === "" ? {} : JSON.parse(context.stdout.text);
      return { code, stderr: context.stderr.text, tensors: found.totals?.tensors, architecture: found.architecture };
    };
    const expected = { code: 0, stderr: "", tensors: 52, architecture: "GPT2LMHeadModel" };
    expect(await look(MODEL)).toEqual(expected);
    server.sent = 0;
    expect(await look(ID)).toEqual(expected);
    expect(await look(`${server.url}models/mini`)).toEqual(expected);
    const file = { ...expected, architecture: null };
    expect(await look(`${server.url}models/mini/model.safetensors?key=1`)).toEqual(file);
    expect(server.sent).toBeLessThan(4_000_000);
    expect(await look("none.safetensors")).toMatchObject({ code: 1, stderr: expect.stringContaining("no such file") });
    expect(await look("runs/none")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("As a model of the Hub"),
    });
    expect(await look(MODEL, "--revision", "v1")).toMatchObject({ code: 2 });
  });

  it("is measured on data at an address", async () => {
    Object.assign(server.files, { "data/text.txt": "The sea is wide and the sea is deep.\n".repeat(20) });
    const place = `${server.url}data/text.txt`;
    const { code, stdout, stderr } = await call(["eval", "--model", ID, "--data", `${place}?key=secret`, "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout).perplexity).toBeGreaterThan(1);
    const missing = await call(["eval", "--model", ID, "--data", `${place}.none?key=secret`]);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      `graft eval: ${place}.none: there is no such file (HTTP 404); check the address\n`,
    ]);
  });

  it("takes token ids of a file at an address", async () => {
    const shape = [1, 4];
    const data = BigInt64Array.from([5n, 6n, 7n, 8n]);
    const ids = await serializeSafetensors([{ name: "input_ids", dtype: "I64", shape, data }]);
    const other = await serializeSafetensors([{ name: "ids", dtype: "I64", shape, data }]);
    await writeFile(join(folder, "ids.safetensors"), ids);
    Object.assign(server.files, { "data/ids.safetensors": ids, "data/other.safetensors": other });
    const logitsOf = async (place: string): Promise<Buffer> => {
      const logits = join(folder, "logits.safetensors");
      const outcome = await call(["predict", "--model", MODEL, "--ids-file", place, "--logits", logits]);
      expect([outcome.code, outcome.stderr]).toEqual([0, expect.stringMatching(/^Adapter: .+\n$/)]);
      return readFile(logits);
    };
    const far = await logitsOf(`${server.url}data/ids.safetensors?key=secret`);
    expect(far.equals(await logitsOf(join(folder, "ids.safetensors")))).toBe(true);
    const place = `${server.url}data/other.safetensors`;
    const args = ["--ids-file", `${place}?key=secret`, "--logits", join(folder, "none.safetensors")];
    const refused = await call(["predict", "--model", MODEL, ...args]);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining(`${place}: there is no tensor input_ids; found ids`),
    ]);
  });

  it("is told of in one line of a terminal while it comes, and nowhere else", async () => {
    const context = { ...memoryContext(), stderr: new MemoryOutput(true, 100) };
    let time = 0;
    const MIB = 1 << 20;
    const show = (line: DownloadLine): void => {
      for (let loaded = 10; loaded <= 40; loaded += 10) {
        time += 2000;
        line.onProgress({ file: "model.safetensors", loaded: loaded * MIB, total: 40 * MIB });
      }
    };
    const line = new DownloadLine({ ...context, now: () => time });
    show(line);
    expect(context.stderr.text.split("\r")).toEqual([
      "",
      "Downloading model.safetensors  ━━━━━───────────────  10.0 MiB of 40.0 MiB\x1b[K",
      "Downloading model.safetensors  ━━━━━━━━━━──────────  20.0 MiB of 40.0 MiB  5.0 MiB/s  ETA 0:04\x1b[K",
      "Downloading model.safetensors  ━━━━━━━━━━━━━━━─────  30.0 MiB of 40.0 MiB  5.0 MiB/s  ETA 0:02\x1b[K",
      "\x1b[K",
    ]);
    const quiet = [
      new DownloadLine({ ...memoryContext(), now: () => time }),
      new DownloadLine({ ...memoryContext(), stderr: new MemoryOutput(true), now: () => time }, { json: true }),
    ];
    for (const one of quiet) show(one);
    context.stderr.text = "";
    const stopped = new DownloadLine({ ...context, now: () => time });
    stopped.onProgress({ file: "a\x1b[2J", loaded: 1, total: 2 });
    stopped[Symbol.dispose]();
    expect(context.stderr.screen).toEqual([""]);
    expect(context.stderr.text).toContain("a\\u{1b}[2J");
  });

  it("gets images of a file at an address", async () => {
    const pack = await serializeSafetensors(
      [
        { name: "images", dtype: "U8", shape: [3, 1, 4, 4], data: Uint8Array.from({ length: 48 }, (_, i) => i) },
        { name: "labels", dtype: "I64", shape: [3], data: BigInt64Array.from([1n, 0n, 1n]) },
      ],
      { metadata: { classes: '["cat", "dog"]' } },
    );
    Object.assign(server.files, { "data/pack.safetensors": pack });
    const preprocessing = defaultPreprocessing(1, 4, 4);
    const { train, valid } = await readLabelledImages(`${server.url}data/pack.safetensors`, preprocessing);
    expect(train.examples.map(({ label }) => label)).toEqual(["dog", "cat", "dog"]);
    expect([...train.examples[1].image.data.subarray(0, 3)]).toEqual([16, 17, 18]);
    expect(valid).toBeNull();
  });

  it("is not waited for after Ctrl-C", async () => {
    const stopped = await graft(["generate", "--model", ID, ...PROMPT], undefined, true, env());
    expect(stopped).toEqual({ code: 1, stdout: "", stderr: "graft generate: stopped on request\n" });
  });

  it("is refused with what may have been meant", async () => {
    const outcome = async (...args: string[]) => {
      const { code, stderr } = await call(["generate", ...PROMPT, ...args]);
      return [code, stderr.trim()];
    };
    expect(await outcome("--model", "runs/spam")).toEqual([
      1,
      expect.stringMatching(
        /^graft generate: runs\/spam: there is no such directory\. As a model of the Hub: .*no such model/,
      ),
    ]);
    expect(await outcome("--model", "../x")).toEqual([1, "graft generate: ../x: no such directory"]);
    expect(await outcome("--model", "a/../../b")).toEqual([1, "graft generate: a/../../b: no such directory"]);
    expect(await outcome("--model", `${server.url}nothing`)).toEqual([
      1,
      `graft generate: ${server.url}nothing: no model directory: there is no config.json`,
    ]);
    expect(await outcome("--model", MODEL, "--revision", "v1")).toEqual([
      2,
      expect.stringContaining(`--revision goes with a model of the Hub, and ${MODEL} is a directory`),
    ]);
    expect(await outcome("--model", ID, "--revision", "../x")).toEqual([1, expect.stringContaining("is no revision")]);
    expect(await outcome("--model", ID, "--revision", "v9")).toEqual([1, expect.stringContaining('no revision "v9"')]);
  });
});
