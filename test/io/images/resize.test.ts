import { expect, it } from "vitest";
import { fromInterleaved, makeImage, toChannels } from "../../../src/io/images/image.ts";
import { type ResizeFilter, resize } from "../../../src/io/images/resize.ts";
import { SafetensorsFile } from "../../../src/io/index.ts";
import { openFile } from "../../support/files.ts";

const file = await SafetensorsFile.open(await openFile("test/fixtures/pillow/resized.safetensors"));
const imageOf = async (name: string) => {
  const [height, width, channels] = file.info(name).shape;
  return fromInterleaved(channels, height, width, await file.readBytes(name));
};
const cases = file
  .names()
  .filter((name) => name.endsWith("/in") && !name.startsWith("grey"))
  .map((name) => name.slice(0, -3));

it.each(cases)("resizes as Pillow does, to the bit: %s", async (name) => {
  const expected = await imageOf(`${name}/out`);
  const got = resize(await imageOf(`${name}/in`), expected.height, expected.width, name.split("/")[1] as ResizeFilter);
  expect(got).toEqual(expected);
});

it("has all the cases", () => expect(cases).toHaveLength(16));

it("makes colours grey as Pillow does", async () => {
  expect(toChannels(await imageOf("grey/convert/in"), 1)).toEqual(await imageOf("grey/convert/out"));
});

it("leaves an image of the wanted size as it is, and refuses sizes that are none", () => {
  const image = makeImage(1, 2, 3, Uint8Array.of(1, 2, 3, 4, 5, 6));
  expect(resize(image, 2, 3)).toEqual(image);
  expect(() => resize(image, 0, 3)).toThrow("resize: from 2 × 3 to 0 × 3: sizes begin at 1");
  expect(() => resize(image, 1.5, 3)).toThrow("resize: from 2 × 3 to 1.5 × 3");
});
