import { describe, expect, test } from "vitest";
import { type ByteSource, bytesSource } from "../../../src/io/byte-source.ts";
import { MemoryDirectory } from "../../../src/io/directory.ts";
import { openCheckpoint } from "../../../src/io/safetensors/sharded.ts";
import { serializeSafetensors } from "../../../src/io/safetensors/writer.ts";
import { makeFile, refusal } from "./support.ts";

const INDEX = "model.safetensors.index.json";
const first = "model-00001-of-00002.safetensors";
const second = "model-00002-of-00002.safetensors";

const shard = (tensors: Record<string, number[]>, metadata?: Record<string, string>): Promise<Uint8Array> =>
  serializeSafetensors(
    Object.entries(tensors).map(([name, values]) => ({
      name,
      dtype: "F32" as const,
      shape: [values.length],
      data: Float32Array.from(values),
    })),
    { metadata },
  );

const shards = {
  [first]: await shard({ a: [1, 2], b: [3] }, { format: "pt", shard: "1" }),
  [second]: await shard({ c: [4] }, { format: "pt", shard: "2" }),
};
const weightMap = { a: first, b: first, c: second };

const directory = (weight_map: unknown, files: Record<string, Uint8Array | string> = shards) =>
  new MemoryDirectory("dir", { ...files, [INDEX]: JSON.stringify({ metadata: { total_size: 16 }, weight_map }) });

describe("a checkpoint of either kind", () => {
  test("shards read like one file", async () => {
    const checkpoint = await openCheckpoint(directory(weightMap));
    expect(checkpoint.names()).toEqual(["a", "b", "c"]);
    expect(checkpoint.files).toEqual([`dir/${first}`, `dir/${second}`]);
    expect([...checkpoint.metadata]).toEqual([
      ["format", "pt"],
      ["shard", "1"],
    ]);
    expect(checkpoint.info("c")).toMatchObject({ dtype: "F32", shape: [1] });
    expect([...(await checkpoint.readFloat32("a")), ...(await checkpoint.readArray("c"))]).toEqual([1, 2, 4]);
    expect([...(await checkpoint.readBytes("a", 4))]).toEqual([0, 0, 0, 64]);
    expect([checkpoint.has("c"), checkpoint.has("d")]).toEqual([true, false]);
    expect((await refusal(checkpoint.readFloat32("d"))).message).toContain('tensor "d": no such tensor in the shards');
    await checkpoint.close();
  });

  test("model.safetensors comes before an index; another file can be named", async () => {
    const files = { ...shards, "model.safetensors": await shard({ x: [9] }) };
    expect((await openCheckpoint(directory(weightMap, files))).names()).toEqual(["x"]);
    expect((await openCheckpoint(directory(weightMap, files), INDEX)).names()).toEqual(["a", "b", "c"]);
    expect((await openCheckpoint(directory(weightMap, files), second)).names()).toEqual(["c"]);
  });

  test("a directory without one says what is there instead", async () => {
    const { message } = await refusal(
      openCheckpoint(new MemoryDirectory("dir", { "pytorch_model.bin": "", "x.txt": "" })),
    );
    expect(message).toBe(
      'dir: neither model.safetensors nor model.safetensors.index.json in the directory; found "pytorch_model.bin"',
    );
  });
});

describe("an index that leaves the directory is refused", () => {
  test.each([
    "../secret.safetensors",
    "..",
    "/etc/passwd",
    "/secret.safetensors",
    "sub/model.safetensors",
    "./model.safetensors",
    "..\\secret.safetensors",
    "C:secret.safetensors",
    "%2e%2e%2fsecret.safetensors",
    "file:secret.safetensors",
    "https://example.org/model.safetensors",
    "model.safetensors\0.safetensors",
    "model.safetensors?x=.safetensors",
    ".safetensors",
    "",
    "model.bin",
    "config.json",
  ])("%j", async (name) => {
    let opened = 0;
    const spied = directory({ a: first, c: name });
    const open = spied.open.bind(spied);
    spied.open = (file) => {
      if (file !== INDEX) opened++;
      return open(file);
    };
    const error = await refusal(openCheckpoint(spied));
    expect(error.message).toContain("is not the plain name of a .safetensors file in the directory");
    expect(error).toMatchObject({ file: `dir/${INDEX}`, tensor: "c" });
    expect(error.byte).toBeGreaterThan(0);
    expect(opened).toBe(0);
  });
});

describe("an index that disagrees with its shards is refused, the tensor named", () => {
  const withFile = (name: string, bytes: Uint8Array) => ({ ...shards, [name]: bytes });

  test("a shard that is not there", async () => {
    const error = await refusal(openCheckpoint(directory(weightMap, { [first]: shards[first] })));
    expect(error.message).toContain(`the shard "${second}" is not in dir`);
  });

  test("a tensor in no shard, in the wrong one, in two, in a shard only", async () => {
    const cases: [unknown, Record<string, Uint8Array>, string, string][] = [
      [{ ...weightMap, d: second }, shards, "d", `the index places it in "${second}", which does not have it`],
      [{ ...weightMap, b: second }, shards, "b", `which does not have it (dir/${first} has)`],
      [weightMap, withFile(second, await shard({ c: [4], a: [0] })), "a", `the tensor is also in dir/${first}`],
      [{ a: first, c: second }, shards, "b", `the tensor is not in the index ${INDEX}`],
    ];
    for (const [map, files, tensor, problem] of cases) {
      const error = await refusal(openCheckpoint(directory(map, files)));
      expect(error.message).toContain(problem);
      expect(error.tensor).toBe(tensor);
    }
  });

  test("a malformed shard, and the shards opened before it are closed", async () => {
    const spied = directory(weightMap, withFile(second, makeFile("{}", [0])));
    const open = spied.open.bind(spied);
    let stillOpen = 0;
    spied.open = async (file): Promise<ByteSource> => {
      const source = await open(file);
      stillOpen++;
      return {
        ...source,
        close: async () => {
          stillOpen--;
        },
      };
    };
    expect(await refusal(openCheckpoint(spied))).toMatchObject({ file: `dir/${second}`, byte: 10 });
    expect(stillOpen).toBe(0);
  });
});

describe("a malformed index is refused with the byte", () => {
  test.each([
    ["", 'expected the index, starting with "{"', 0],
    ["[]", 'expected the index, starting with "{"', 0],
    ["{}", "the index has no weight_map", 0],
    ['{"weight_map":null}', 'expected weight_map, starting with "{"', 14],
    ['{"weight_map":{"a":1}}', 'expected a file name, a string; found "1"', 19],
    ['{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}', 'duplicate key "a" in weight_map', 35],
    ['{"weight_map":{},"weight_map":{}}', 'duplicate key "weight_map" in the index', 17],
    ['{"weight_map":{}} x', "unexpected text after the end", 18],
  ])("%s", async (text, problem, byte) => {
    const error = await refusal(openCheckpoint(new MemoryDirectory("dir", { [INDEX]: text })));
    expect(error.message).toContain(problem);
    expect(error).toMatchObject({ file: `dir/${INDEX}`, byte });
  });

  test("an index of more than 100 MB is refused unread", async () => {
    const huge = directory({});
    huge.open = async (file) => ({
      ...bytesSource(file, new Uint8Array()),
      size: 100_000_001,
      read: () => expect.fail("the index was read"),
    });
    expect((await refusal(openCheckpoint(huge))).message).toContain("larger than 100000000 bytes");
  });
});
