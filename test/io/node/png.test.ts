import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { encodePng, fromInterleaved } from "../../../src/io/index.ts";
import { someBytes } from "../../support/file-server.ts";

describe("encodePng", () => {
  it.each([1, 3])("writes what other decoders read to the bit, %i channels", async (channels) => {
    const [height, width] = [13, 21];
    const pixels = someBytes(height * width * channels);
    const png = await encodePng(fromInterleaved(channels, height, width, pixels));
    const image = sharp(png);
    expect(await image.metadata()).toMatchObject({ format: "png", width, height, channels, depth: "uchar" });
    const data = await image
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw()
      .toBuffer();
    expect(new Uint8Array(data)).toEqual(pixels);
  });

  it("refuses what is neither grey nor of three colours", async () => {
    const image = { channels: 2, height: 1, width: 1, data: new Uint8Array(2) };
    await expect(encodePng(image)).rejects.toThrow("encodePng: expected 1 or 3 channels, got 2");
  });
});
