import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NodeDirectory } from "../../../src/io/node/directory.ts";
import { createFileSink, openFile, writeFileAtomically } from "../../../src/io/node/files.ts";
import { SafetensorsFile } from "../../../src/io/safetensors/reader.ts";
import { type TensorToWrite, writeSafetensors } from "../../../src/io/safetensors/writer.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-files-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("reading by position", () => {
  test("ranges, the empty one, and none outside the file", async () => {
    const path = join(folder, "data");
    await writeFile(path, Uint8Array.of(0, 1, 2, 3, 4));
    const source = await openFile(path);
    expect([source.name, source.size]).toEqual([path, 5]);
    expect([...(await source.read(1, 4))]).toEqual([1, 2, 3]);
    expect([...(await source.read(5, 5))]).toEqual([]);
    await expect(source.read(3, 6)).rejects.toThrow(`${path}: bytes 3 to 6 are not within the file's 5 bytes`);
    await truncate(path, 2);
    await expect(source.read(0, 5)).rejects.toThrow("became shorter while it was read (byte 2)");
    await source.close();
  });

  test("what is no regular file is refused by name", async () => {
    await expect(openFile(join(folder, "none"))).rejects.toThrow(/none: no such file$/);
    await expect(openFile(folder)).rejects.toThrow(`${folder}: not a regular file`);
    await expect(openFile("/dev/zero")).rejects.toThrow("/dev/zero: not a regular file");
  });
});

describe("writing atomically", () => {
  test("a file is replaced whole and nothing else is left behind", async () => {
    const path = join(folder, "config.json");
    await writeFileAtomically(path, "old");
    await writeFileAtomically(path, "new ü");
    expect(await readFile(path, "utf8")).toBe("new ü");
    await writeFileAtomically(path, Uint8Array.of(1, 2));
    expect([...(await readFile(path))]).toEqual([1, 2]);
    expect(await readdir(folder)).toEqual(["config.json"]);
  });

  test("the old file stands until the sink is closed, and after an abort", async () => {
    const path = join(folder, "model.safetensors");
    await writeFile(path, "old");
    const sink = await createFileSink(path);
    await sink.write(new TextEncoder().encode("half"));
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder)).toHaveLength(2);
    await sink.abort();
    expect(await readdir(folder)).toEqual(["model.safetensors"]);
    expect(await readFile(path, "utf8")).toBe("old");
    await expect(sink.write(Uint8Array.of(1))).rejects.toThrow("write after the file was closed");

    const second = await createFileSink(path);
    await second.write(new TextEncoder().encode("new"));
    await second.close();
    await second.abort();
    expect(await readFile(path, "utf8")).toBe("new");
    expect(await readdir(folder)).toEqual(["model.safetensors"]);
  });

  test("a producer that throws halfway leaves the old checkpoint", async () => {
    const path = join(folder, "model.safetensors");
    const tensor = (name: string, data: TensorToWrite["data"]): TensorToWrite => ({
      name,
      dtype: "F32",
      shape: [2],
      data,
    });
    const save = async (b: TensorToWrite["data"]) =>
      writeSafetensors(await createFileSink(path), [tensor("a", Float32Array.of(1, 2)), tensor("b", b)]);
    await save(Float32Array.of(3, 4));
    const before = await readFile(path);
    const fail = () => {
      throw new Error("no more memory");
    };
    await expect(save(fail)).rejects.toThrow("no more memory");
    await expect(save(Float32Array.of(1))).rejects.toThrow('tensor "b": shape [2] of dtype F32 needs 8 bytes');
    expect(await readFile(path)).toEqual(before);
    expect(await readdir(folder)).toEqual(["model.safetensors"]);
    const file = await SafetensorsFile.open(await openFile(path));
    expect([...(await file.readFloat32("b"))]).toEqual([3, 4]);
    await file.close();
  });

  test("a folder that is not there, or in the way", async () => {
    const none = join(folder, "none");
    await expect(writeFileAtomically(join(none, "file"), "x")).rejects.toThrow(
      `${join(none, "file")}: cannot be written: there is no directory ${none}`,
    );
    await mkdir(join(folder, "taken"));
    await expect(writeFileAtomically(join(folder, "taken"), "x")).rejects.toThrow();
    expect(await readdir(folder)).toEqual(["taken"]);
  });
});

describe("a directory on disk", () => {
  test("lists files but not folders, follows links, reads and writes", async () => {
    const directory = await NodeDirectory.create(join(folder, "a", "b"));
    await directory.writeText("config.json", '{"ü":1}');
    await mkdir(join(directory.name, "sub"));
    await symlink(join(directory.name, "config.json"), join(directory.name, "link.json"));
    await symlink(join(directory.name, "nowhere"), join(directory.name, "dangling.json"));
    const sink = await directory.create("data.bin");
    await sink.write(Uint8Array.of(7));
    await sink.close();
    expect(await directory.list()).toEqual(["config.json", "data.bin", "link.json"]);
    expect(await directory.readText("link.json")).toBe('{"ü":1}');
    expect([await directory.has("sub"), await directory.has("none"), await directory.has("data.bin")]).toEqual([
      false,
      false,
      true,
    ]);
    const source = await directory.open("data.bin");
    expect([...(await source.read(0, 1))]).toEqual([7]);
    await source.close();
  });

  test("errors name the path", async () => {
    const directory = await NodeDirectory.open(folder);
    await writeFile(join(folder, "latin1.txt"), Uint8Array.of(0xfc));
    await expect(directory.readText("latin1.txt")).rejects.toThrow("latin1.txt: the file is not valid UTF-8");
    await expect(directory.readText("none.txt")).rejects.toThrow("none.txt: no such file");
    for (const name of ["../x", "a/b", "a\\b", "..", "", "c:x", "a\0b"]) {
      await expect(directory.open(name), name).rejects.toThrow("is not a plain file name");
      await expect(directory.writeText(name, ""), name).rejects.toThrow("is not a plain file name");
    }
    await expect(NodeDirectory.open(join(folder, "none"))).rejects.toThrow("none: no such directory");
    await expect(NodeDirectory.open(join(folder, "latin1.txt"))).rejects.toThrow("latin1.txt: not a directory");
  });
});
