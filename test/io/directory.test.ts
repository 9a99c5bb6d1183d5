import { expect, test } from "vitest";
import { MemoryDirectory } from "../../src/io/directory.ts";

test("a directory in memory holds bytes, texts and Blobs alike", async () => {
  const directory = new MemoryDirectory("upload", {
    "b.txt": "tëxt",
    "a.bin": Uint8Array.of(1, 2, 3),
    "c.bin": new Blob([Uint8Array.of(4, 5, 6)]),
  });
  expect(await directory.list()).toEqual(["a.bin", "b.txt", "c.bin"]);
  expect(await directory.readText("b.txt")).toBe("tëxt");
  for (const [file, last] of [
    ["a.bin", 3],
    ["c.bin", 6],
  ] as const) {
    const source = await directory.open(file);
    expect([source.name, source.size, ...(await source.read(2, 3))]).toEqual([`upload/${file}`, 3, last]);
    await expect(source.read(2, 4)).rejects.toThrow(`upload/${file}: bytes 2 to 4 are not within`);
  }
  await expect(directory.open("none")).rejects.toThrow('upload: there is no file "none"');
  await expect(directory.readText("a/b")).rejects.toThrow('upload: "a/b" is not a plain file name');
});

test("a file made in memory appears when it is closed, and not after an abort", async () => {
  const directory = new MemoryDirectory("out");
  const sink = await directory.create("x");
  const chunk = Uint8Array.of(1, 2);
  await sink.write(chunk);
  chunk.fill(9); // the sink has taken its copy
  await sink.write(Uint8Array.of(3));
  expect(await directory.has("x")).toBe(false);
  await sink.close();
  const source = await directory.open("x");
  expect([...(await source.read(0, 3))]).toEqual([1, 2, 3]);

  const dropped = await directory.create("y");
  await dropped.write(Uint8Array.of(1));
  await dropped.abort();
  expect(await directory.list()).toEqual(["x"]);
  await directory.writeText("z", "text");
  expect(await directory.readText("z")).toBe("text");
});
