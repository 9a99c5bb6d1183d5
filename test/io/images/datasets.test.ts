import { describe, expect, it } from "vitest";
import { idxLabelNames, isIdxImages } from "../../../src/io/images/idx.ts";
import {
  bytesSource,
  type ImageDataOptions,
  idxImages,
  idxLabels,
  parseIdx,
  readImagePack,
  SafetensorsFile,
  serializeSafetensors,
  type TensorToWrite,
} from "../../../src/io/index.ts";
import { gzip } from "../../support/bytes.ts";

/** An idx file of unsigned bytes. */
function idx(shape: number[], data: number[], type = 8): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  bytes.set([0, 0, type, shape.length]);
  const view = new DataView(bytes.buffer);
  for (const [axis, length] of shape.entries()) view.setUint32(4 + 4 * axis, length);
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}

const count = (length: number): number[] => Array.from({ length }, (_, i) => i + 1);

describe("idx files", async () => {
  it("are read, plain and gzipped", async () => {
    const bytes = idx([2, 2, 3], count(12));
    for (const contents of [bytes, await gzip(bytes)]) {
      const images = idxImages("f", await parseIdx("f", contents));
      expect(images).toHaveLength(2);
      expect(images[1]).toMatchObject({ channels: 1, height: 2, width: 3 });
      expect([...images[1].data]).toEqual([7, 8, 9, 10, 11, 12]);
    }
    expect([...idxLabels("l", await parseIdx("l", idx([3], [4, 5, 6])))]).toEqual([4, 5, 6]);
  });

  it("may have colours, before or after the pixels", async () => {
    const last = idxImages("f", await parseIdx("f", idx([1, 1, 2, 3], count(6))));
    expect([...last[0].data]).toEqual([1, 4, 2, 5, 3, 6]);
    const first = idxImages("f", await parseIdx("f", idx([1, 3, 1, 2], count(6))));
    expect([...first[0].data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it.each([
    [new Uint8Array(), "f: byte 0: the file ends within the header"],
    [Uint8Array.of(0, 0, 8), "f: byte 3: the file ends within the header"],
    [Uint8Array.of(0, 0, 8, 3, 0, 0), "f: byte 6: the file ends within the header"],
    [Uint8Array.of(1, 0, 8, 1, 0, 0, 0, 0), "f: byte 0: not an idx file"],
    [idx([1], [1], 0x0d), "f: byte 2: type 0xd, expected 0x8"],
    [idx([1, 1, 1, 1, 1], [1]), "f: byte 3: 5 dimensions, expected 1 to 4"],
    [idx([2, 2], [1, 2, 3]), "f: byte 12: shape [2, 2] takes 4 bytes, there are 3"],
    [await gzip(idx([2], [1])), "f: byte 8 of the unpacked file: shape [2] takes 2 bytes, there are 1"],
    [(await gzip(idx([2], [1, 2]))).subarray(0, 15), "f: cannot be unpacked"],
  ])("name the byte that is wrong", async (bytes, problem) => {
    await expect(parseIdx("f", bytes)).rejects.toThrow(problem);
  });

  it("name a shape that is none of images or labels", async () => {
    const parsed = await parseIdx("f", idx([2, 3], count(6)));
    expect(() => idxImages("f", parsed)).toThrow("f: shape [2, 3], expected [count, height, width]");
    expect(() => idxLabels("f", parsed)).toThrow("f: shape [2, 3], expected [count] class numbers");
  });

  it("are known by name, and so are their labels", () => {
    expect(isIdxImages("t10k-images-idx3-ubyte.gz")).toBe(true);
    expect(isIdxImages("train-labels-idx1-ubyte")).toBe(false);
    expect(idxLabelNames("t10k-images-idx3-ubyte.gz")).toEqual(["t10k-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte"]);
    expect(idxLabelNames("train-images.idx3-ubyte")).toEqual(["train-labels.idx1-ubyte", "train-labels.idx1-ubyte.gz"]);
  });
});

describe("safetensors packs", () => {
  const images = (shape: number[], values?: number[]): TensorToWrite => ({
    name: "images",
    dtype: "U8",
    shape,
    data: Uint8Array.from(values ?? count(shape.reduce((product, length) => product * length, 1))),
  });
  const labels = (...values: number[]): TensorToWrite => ({
    name: "labels",
    dtype: "I64",
    shape: [values.length],
    data: BigInt64Array.from(values, BigInt),
  });
  const read = async (tensors: TensorToWrite[], metadata: Record<string, string> = {}, options?: ImageDataOptions) => {
    const bytes = await serializeSafetensors(tensors, { metadata });
    const file = await SafetensorsFile.open(bytesSource("p", bytes));
    return readImagePack(file, options);
  };

  it("are read, with names from the metadata or numbers", async () => {
    const pack = await read([images([2, 1, 1, 2]), labels(1, 0)]);
    expect(pack).toMatchObject({ labels: ["0", "1"], isNumbered: true });
    expect(pack.examples.map(({ name, label }) => [name, label])).toEqual([
      ["p[0]", "1"],
      ["p[1]", "0"],
    ]);
    expect([...pack.examples[1].image.data]).toEqual([3, 4]);
    const named = { classes: '["cat","dog","eel"]' };
    const own = await read([images([2, 1, 1, 2]), labels(2, 0)], named);
    expect(own).toMatchObject({ labels: ["cat", "dog", "eel"], isNumbered: false });
    expect(own.examples[0].label).toBe("eel");
    const byId = await read([images([2, 1, 1, 2]), labels(1, 0)], { id2label: '{"1":"b","0":"a"}' });
    expect(byId.labels).toEqual(["a", "b"]);
    const last = await read([images([1, 1, 2, 3]), labels(0)], { layout: "NHWC uint8" });
    expect([...last.examples[0].image.data]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it("take classes that are given: by number, or by name", async () => {
    const pack = [images([2, 1, 1, 2]), labels(1, 0)];
    const byNumber = await read(pack, {}, { labels: ["no", "yes"] });
    expect(byNumber.examples.map(({ label }) => label)).toEqual(["yes", "no"]);
    const byName = await read(pack, { classes: '["a","b"]' }, { labels: ["b", "x", "a"] });
    expect(byName.labels).toEqual(["b", "x", "a"]);
    await expect(read(pack, { classes: '["a","b"]' }, { labels: ["a", "c"] })).rejects.toThrow(
      'p[0]: unknown class "b"; the classes are a, c',
    );
    await expect(read([images([1, 1, 1, 1]), labels(2)], {}, { labels: ["a", "b"] })).rejects.toThrow(
      "p[0]: class 2, expected 0 to 1: a, b",
    );
  });

  it("prepare each image as it is read", async () => {
    const prepare = (image: { data: Uint8Array }) => ({
      channels: 1,
      height: 1,
      width: 1,
      data: image.data.slice(0, 1),
    });
    const pack = await read([images([2, 1, 1, 2]), labels(1, 0)], {}, { prepare });
    expect(pack.examples.map(({ image }) => [...image.data])).toEqual([[1], [3]]);
  });

  it.each([
    [[labels(0)], {}, 'p: tensor "images": no such tensor'],
    [[images([1, 1, 1, 1])], {}, 'p: tensor "labels": no such tensor'],
    [[images([1, 2, 1, 1]), labels(0)], {}, 'p: tensor "images": 2 channels in [N, C, H, W], expected 1 or 3'],
    [[images([1, 1, 1]), labels(0)], {}, 'p: tensor "images": U8 of shape [1, 1, 1], expected U8 [N, C, H, W]'],
    [[images([1, 1, 0, 1]), labels(0)], {}, 'p: tensor "images": shape [1, 1, 0, 1] has no pixels'],
    [[images([2, 1, 1, 1]), labels(0)], {}, "p: 2 images, but 1 labels"],
    [[images([0, 1, 1, 1]), labels()], {}, "p: there are no images"],
    [[images([1, 1, 1, 1]), labels(-1)], {}, 'p: tensor "labels": class -1 at place 0, expected numbers from 0'],
    [[images([1, 1, 1, 1]), labels(0)], { classes: "cat,dog" }, 'p: metadata "classes": expected a JSON list'],
    [[images([1, 1, 1, 1]), labels(0)], { classes: '["a","a"]' }, 'p: metadata "classes": expected a JSON list'],
    [[images([1, 1, 1, 1]), labels(2)], { classes: '["a","b"]' }, "p[0]: class 2, expected 0 to 1: a, b"],
    [[images([1, 1, 1, 1]), labels(2e9)], {}, "p[0]: class 2000000000, expected 0 to 65535"],
  ] as [TensorToWrite[], Record<string, string>, string][])(
    "name what is wrong: %#",
    async (tensors, metadata, problem) => {
      await expect(read(tensors, metadata)).rejects.toThrow(problem);
    },
  );

  it("refuse labels that are no integers", async () => {
    const fractions = { name: "labels", dtype: "F32" as const, shape: [1], data: Float32Array.of(1) };
    await expect(read([images([1, 1, 1, 1]), fractions])).rejects.toThrow("F32 of shape [1], expected integers [N]");
  });
});
