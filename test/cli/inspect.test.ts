import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspect, inspectPath, renderInspection } from "../../src/cli/commands/inspect.ts";
import { run } from "../../src/cli/run.ts";
import { serializeSafetensors } from "../../src/io/index.ts";
import { memoryContext } from "./support.ts";

let folder: string;
let bytes: Uint8Array;

const index = (weightMap: Record<string, string>) => JSON.stringify({ metadata: {}, weight_map: weightMap });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-inspect-"));
  bytes = await serializeSafetensors(
    [
      { name: "h.0.weight", dtype: "F32", shape: [256, 2], data: new Float32Array(512) },
      { name: "h.0.mask", dtype: "U8", shape: [4], data: new Uint8Array(4) },
      { name: "evil\u001b[2J", dtype: "F16", shape: [], data: new Float32Array(1) },
    ],
    { metadata: { format: "pt", note: "two\nlines" } },
  );
  await writeFile(join(folder, "model.safetensors"), bytes);
  await writeFile(
    join(folder, "config.json"),
    JSON.stringify({ architectures: ["GPT2LMHeadModel"], model_type: "gpt2", n_layer: 1, vocab_size: 9 }),
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function graftInspect(...args: string[]) {
  const context = memoryContext();
  const code = await run(["inspect", ...args], { inspect: { summary: "", load: async () => inspect } }, context);
  return { code, out: context.stdout.text, err: context.stderr.text };
}

describe("graft inspect", () => {
  it("tells a model directory's tensors, totals, metadata and architecture", async () => {
    const { code, out } = await graftInspect(folder, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      architecture: "GPT2LMHeadModel",
      config: { n_layer: 1 },
      metadata: { format: "pt", note: "two\nlines" },
      tensors: [
        { name: "h.0.weight", dtype: "F32", shape: [256, 2], bytes: 2048 },
        { name: "evil\u001b[2J", dtype: "F16", shape: [], bytes: 2 },
        { name: "h.0.mask", dtype: "U8", shape: [4], bytes: 4 },
      ],
      totals: { tensors: 3, elements: 517, parameters: 513, bytes: 2054, byDtype: { U8: { tensors: 1, bytes: 4 } } },
    });
  });

  it("prints a table that no name can break", async () => {
    const text = renderInspection(await inspectPath(folder));
    expect(text).toContain("h.0.weight     F32    [256, 2]  2,048  2.0 KiB\n");
    expect(text).toContain("evil\\u{1b}[2J  F16    []");
    expect(text).not.toContain("\u001b");
    expect(text).toMatch(/^architecture +GPT2LMHeadModel$/m);
    expect(text).toMatch(/^config +n_layer 1, vocab_size 9$/m);
    expect(text).toMatch(/^parameters +513, and 4 other elements$/m);
    expect(text).toMatch(/^data +2\.0 KiB \(2,054 bytes\)$/m);
    expect(text).toMatch(/^metadata note +two\\nlines$/m);
  });

  it("reads a single file without a config, and an index of shards", async () => {
    const file = join(folder, "model.safetensors");
    expect(await inspectPath(file)).toMatchObject({ architecture: null, config: null, files: [file] });
    const shards = { "h.0.weight": "model.safetensors", "h.0.mask": "model.safetensors" };
    const path = join(folder, "sharded.index.json");
    await writeFile(path, index({ ...shards, "evil\u001b[2J": "model.safetensors" }));
    expect((await inspectPath(path)).totals.tensors).toBe(3);
  });

  it("refuses a broken file with its name, the tensor and the byte, and exit code 1", async () => {
    const path = join(folder, "cut.safetensors");
    await writeFile(path, bytes.subarray(0, bytes.length - 3));
    const { code, out, err } = await graftInspect(path);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(/^graft inspect: .*cut\.safetensors: tensor "h\.0\.mask": .*\(byte \d+\)\n$/);
  });

  it("refuses an index that leads out of its directory", async () => {
    const path = join(folder, "escape.index.json");
    await writeFile(path, index({ "h.0.weight": "../model.safetensors" }));
    const { code, err } = await graftInspect(path);
    expect(code).toBe(1);
    expect(err).toContain('"../model.safetensors" is not the plain name');
  });

  it("tells a missing path from a wrong kind of file", async () => {
    expect(await graftInspect(join(folder, "nothing"))).toMatchObject({ code: 1 });
    expect(await graftInspect(join(folder, "config.json"))).toMatchObject({ code: 2 });
  });
});
