import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { fromInterleaved, SafetensorsFile } from "../../../src/io/index.ts";
import { decodeImageFile, openFile } from "../../../src/io/node/index.ts";

const FIXTURES = "test/fixtures/pillow";
const folder = mkdtempSync(join(tmpdir(), "graft-decode-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const decoded = await SafetensorsFile.open(await openFile(join(FIXTURES, "decoded.safetensors")));

it.each(decoded.names())("decodes %s as Pillow does, to the bit", async (name) => {
  const [height, width, channels] = decoded.info(name).shape;
  const expected = fromInterleaved(channels, height, width, await decoded.readBytes(name));
  expect(await decodeImageFile(join(FIXTURES, name))).toEqual(expected);
});

it("names a file that is missing, no image or cut short", async () => {
  const broken = (name: string, bytes: Uint8Array | string) => {
    writeFileSync(join(folder, name), bytes);
    return decodeImageFile(join(folder, name));
  };
  await expect(decodeImageFile(join(folder, "no.png"))).rejects.toThrow(`${join(folder, "no.png")}: no such file`);
  await expect(broken("text.png", "hello")).rejects.toThrow(/text\.png: cannot be decoded as an image: .*format/);
  await expect(broken("empty.png", "")).rejects.toThrow(/empty\.png: cannot be decoded as an image/);
  for (const name of ["color.jpg", "color.png"]) {
    const bytes = readFileSync(join(FIXTURES, name));
    await expect(broken(name, bytes.subarray(0, bytes.length >> 1))).rejects.toThrow(`${name}: cannot be decoded as`);
  }
});
