import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serializeSafetensors } from "../../../src/io/index.ts";
import { readImageData, readImages } from "../../../src/io/node/index.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-images-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const put = (path: string, from = "color.png"): void => {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  copyFileSync(join("test/fixtures/pillow", from), join(folder, path));
};
const idx = (shape: number[], data: number[]): Uint8Array => {
  const header = shape.flatMap((length) => [0, 0, 0, length]);
  return Uint8Array.from([0, 0, 8, shape.length, ...header, ...data]);
};
const write = (name: string, bytes: Uint8Array) => writeFileSync(join(folder, name), bytes);
const failure = (path: string): Promise<string> =>
  readImageData(join(folder, path)).then(
    () => "no failure",
    (error: Error) => error.message.replaceAll(`${folder}/`, ""),
  );

describe("folders by class", () => {
  it("are read in sorted order, with whatever lies deeper, without what is no image or hidden", async () => {
    for (const path of ["dog/2.png", "dog/10.jpg", "dog/more/a.png", "cat/b.JPEG", "cat/.hidden.png", ".git/x.png"]) {
      put(path, /jpe?g$/i.test(path) ? "color.jpg" : "color.png");
    }
    writeFileSync(join(folder, "dog", "notes.txt"), "x");
    const { train, valid } = await readImageData(folder);
    expect(valid).toBeNull();
    expect(train).toMatchObject({ labels: ["cat", "dog"], isNumbered: false });
    const names = train.examples.map(({ name, label }) => [name.slice(folder.length + 1), label]);
    expect(names).toEqual([
      ["cat/b.JPEG", "cat"],
      ["dog/10.jpg", "dog"],
      ["dog/2.png", "dog"],
      ["dog/more/a.png", "dog"],
    ]);
    expect(train.examples[0].image).toMatchObject({ channels: 3, height: 24, width: 40 });
  });

  it("may be parted into train and valid", async () => {
    for (const path of ["train/2/a.png", "train/10/a.png", "valid/10/b.png"]) put(path);
    const { train, valid } = await readImageData(folder, { prepare: (image) => ({ ...image, width: 0 }) });
    expect(train.labels).toEqual(["2", "10"]);
    expect(valid!.labels).toEqual(["2", "10"]);
    expect(valid!.examples.map(({ label, image }) => [label, image.width])).toEqual([["10", 0]]);
    put("valid/3/c.png");
    expect(await failure("")).toBe('valid/3/c.png: unknown class "3"; the classes are 2, 10');
  });

  it("name the file that is broken, or the class that is empty", async () => {
    put("cat/1.png");
    put("cat/2.png");
    writeFileSync(join(folder, "cat", "2.png"), "no image");
    writeFileSync(join(folder, "cat", "3.png"), "no image");
    expect(await failure("")).toMatch(/^cat\/2\.png: cannot be decoded as an image/);
    rmSync(join(folder, "cat"), { recursive: true });
    expect(await failure("")).toMatch(/there is no folder of a class, such as .*cat$/);
    mkdirSync(join(folder, "dog"));
    expect(await failure("")).toBe("dog: there are no images (.png, .jpg, .jpeg, .webp)");
    expect(await failure("nothing")).toBe("nothing: no such file or directory");
  });
});

describe("idx files", () => {
  it("find their labels beside them", async () => {
    write("t10k-images-idx3-ubyte.gz", gzipSync(idx([2, 1, 2], [1, 2, 3, 4])));
    expect(await failure("t10k-images-idx3-ubyte.gz")).toBe(
      "t10k-images-idx3-ubyte.gz: its labels are missing: there is no t10k-labels-idx1-ubyte.gz nor t10k-labels-idx1-ubyte",
    );
    write("t10k-labels-idx1-ubyte", idx([2], [3, 0]));
    for (const path of ["t10k-images-idx3-ubyte.gz", ""]) {
      const { train, valid } = await readImageData(join(folder, path));
      expect(valid).toBeNull();
      expect(train).toMatchObject({ labels: ["0", "1", "2", "3"], isNumbered: true });
      expect(train.examples.map(({ label, image }) => [label, ...image.data])).toEqual([
        ["3", 1, 2],
        ["0", 3, 4],
      ]);
    }
    write("t10k-labels-idx1-ubyte", idx([3], [3, 0, 1]));
    expect(await failure("t10k-images-idx3-ubyte.gz")).toBe("t10k-images-idx3-ubyte.gz: 2 images, but 3 labels");
  });

  it("come as training and validation in one folder", async () => {
    for (const [name, value] of [
      ["train", 7],
      ["t10k", 9],
    ] as const) {
      write(`${name}-images-idx3-ubyte`, idx([1, 1, 1], [value]));
      write(`${name}-labels-idx1-ubyte`, idx([1], [1]));
    }
    const { train, valid } = await readImageData(folder);
    expect([...train.examples[0].image.data, ...valid!.examples[0].image.data]).toEqual([7, 9]);
  });
});

it("reads a safetensors pack, and names what is none", async () => {
  const images = { name: "images", dtype: "U8" as const, shape: [1, 1, 1, 1], data: Uint8Array.of(5) };
  const labels = { name: "labels", dtype: "U8" as const, shape: [1], data: Uint8Array.of(0) };
  write("pack.safetensors", await serializeSafetensors([images, labels]));
  const { train } = await readImageData(join(folder, "pack.safetensors"));
  expect([...train.examples[0].image.data]).toEqual([5]);
  write("odd.bin", Uint8Array.of(1));
  expect(await failure("odd.bin")).toBe(
    "odd.bin: expected a folder of folders by class, idx images (NAME-images-idx3-ubyte) or a .safetensors file",
  );
  write("short.safetensors", Uint8Array.of(1));
  expect(await failure("short.safetensors")).toMatch(/^short\.safetensors: /);
});

it("reads images without classes", async () => {
  put("a/2.png");
  put("1.jpg", "grey.jpg");
  const listed = await readImages(folder);
  expect(listed.map(({ name }) => name.slice(folder.length + 1))).toEqual(["1.jpg", "a/2.png"]);
  expect((await readImages(join(folder, "1.jpg")))[0].image.channels).toBe(1);
  write("x-images-idx3-ubyte", idx([2, 1, 1], [7, 8]));
  const [, second] = await readImages(join(folder, "x-images-idx3-ubyte"));
  expect([second.name.slice(folder.length + 1), ...second.image.data]).toEqual(["x-images-idx3-ubyte[1]", 8]);
  await expect(readImages(join(folder, "none"))).rejects.toThrow("none: no such file or directory");
});
