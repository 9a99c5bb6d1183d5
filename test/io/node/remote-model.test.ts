import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import type { ByteProgress } from "../../../src/io/browser/index.ts";
import { urlDirectory } from "../../../src/io/browser/index.ts";
import { MemoryDirectory, serializeSafetensors } from "../../../src/io/index.ts";
import { NodeDirectory } from "../../../src/io/node/index.ts";
import { GPT2, loadInto } from "../../../src/models/index.ts";
import { Module, parameter } from "../../../src/nn/index.ts";
import { FileServer } from "../../support/file-server.ts";
import { useGpu } from "../../support/gpu.ts";

const gpu = useGpu();
const MODEL = "assets/gpt2-mini-en";

async function serveModel(habits = {}): Promise<FileServer> {
  const directory = await NodeDirectory.open(MODEL);
  const files: Record<string, Uint8Array> = {};
  for (const file of await directory.list()) files[`gpt2/${file}`] = await readFile(`${MODEL}/${file}`);
  return FileServer.start(files, habits);
}

it("loads a model over HTTP in few requests, each byte once, to the bits that it has on disk", async () => {
  await using server = await serveModel({ cuts: [1_000_000, 100, 3_000_000] });
  const seen: ByteProgress[] = [];
  const remote = await urlDirectory(`${server.url}gpt2`, { retryDelay: 1, onProgress: (one) => seen.push(one) });
  const [there, here] = [await GPT2.fromPretrained(remote), await GPT2.fromPretrained(MODEL)];
  const expected = new Map(here.namedTensors());
  for (const [name, tensor] of there.namedTensors()) {
    const [a, b] = [await tensor.data(), await expected.get(name)!.data()];
    expect(Buffer.compare(new Uint8Array(a.buffer), new Uint8Array(b.buffer)), name).toBe(0);
  }
  there.dispose();
  here.dispose();
  const asked = server.requests.filter(({ path, method }) => method === "GET" && path.endsWith(".safetensors"));
  expect(asked.length).toBeLessThan(12);
  const { length } = server.files["gpt2/model.safetensors"];
  const config = server.files["gpt2/config.json"].length;
  expect(server.sent).toBe(length + config);
  expect(seen.at(-1)).toEqual({
    file: "model.safetensors",
    loaded: length + config,
    total: length + config,
  });
});

/** A tensor of more elements than pass through host memory at a time. */
class Large extends Module {
  readonly weight;

  constructor() {
    super();
    this.weight = parameter(gpu(), [5, 1_000_001]);
  }
}

it("uploads a large tensor by pieces", async () => {
  const values = Float32Array.from({ length: 5_000_005 }, (_, i) => i);
  const bytes = await serializeSafetensors([{ name: "weight", dtype: "F32", shape: [5, 1_000_001], data: values }]);
  const ranges: number[] = [];
  const directory = new MemoryDirectory("large", { "model.safetensors": bytes });
  const open = directory.open.bind(directory);
  directory.open = async (file) => {
    const source = await open(file);
    const read = (start: number, end: number) => {
      ranges.push(end - start);
      return source.read(start, end);
    };
    return { ...source, read };
  };
  const model = new Large();
  await loadInto(model, directory);
  expect(Math.max(...ranges)).toBeLessThanOrEqual(1 << 24);
  const got = await model.weight.data();
  expect(Buffer.compare(new Uint8Array(got.buffer), new Uint8Array(values.buffer))).toBe(0);
  model.dispose();
});
