import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { decodeImage } from "../../src/io/browser/decode-image.ts";
import { decodeImageFile } from "../../src/io/node/decode-image.ts";
import { bundle, type Served, serve, useChromium } from "../support/chromium.ts";

const [WIDTH, HEIGHT] = [37, 23];

/** Pixels that no decoder can guess, or ones that change slowly, as photographs do. */
function pixels(channels: 1 | 3 | 4, kind: "noise" | "smooth"): Sharp {
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  const data = Uint8Array.from({ length: WIDTH * HEIGHT * channels }, (_, i) => {
    if (kind === "noise") return next();
    const place = Math.floor(i / channels);
    return (5 * (place % WIDTH) + 3 * Math.floor(place / WIDTH) + 40 * (i % channels)) & 255;
  });
  // Never wholly transparent: what is hidden there is nobody's to see.
  if (channels === 4) for (let i = 3; i < data.length; i += 4) data[i] = Math.max(1, data[i]);
  return sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels } });
}

const FILES: Readonly<Record<string, () => Promise<Buffer>>> = {
  "colour.png": () => pixels(3, "noise").png().toBuffer(),
  "translucent.png": () => pixels(4, "noise").png().toBuffer(),
  "grey.png": () => pixels(1, "noise").toColourspace("b-w").png().toBuffer(),
  "palette.png": () => pixels(3, "smooth").png({ palette: true, colours: 16 }).toBuffer(),
  "sixteen-bit.png": () => pixels(3, "noise").toColourspace("rgb16").png().toBuffer(),
  "wide-gamut.png": () => pixels(3, "noise").withIccProfile("p3").png().toBuffer(),
  "lossless.webp": () => pixels(3, "noise").webp({ lossless: true }).toBuffer(),
  "translucent.webp": () => pixels(4, "noise").webp({ lossless: true, exact: true }).toBuffer(),
  "lossy.webp": () => pixels(3, "smooth").webp({ quality: 80 }).toBuffer(),
  "photo.jpg": () => pixels(3, "smooth").jpeg({ quality: 90 }).toBuffer(),
  "noise.jpeg": () => pixels(3, "noise").jpeg({ quality: 90, chromaSubsampling: "4:4:4" }).toBuffer(),
  "grey.jpg": () => pixels(1, "noise").toColourspace("b-w").jpeg().toBuffer(),
  "turned.jpg": () => pixels(3, "smooth").withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  "wide-gamut.jpg": () => pixels(3, "smooth").withIccProfile("p3").jpeg().toBuffer(),
};

describe("images in a browser", () => {
  const chromium = useChromium();
  let site: Served;
  let folder: string;
  beforeAll(async () => {
    const script = `import { decodeImage } from "./decode-image.js"; globalThis.decodeImage = decodeImage;`;
    site = await serve({
      ...(await bundle(["src/io/browser/decode-image.ts"])),
      "index.html": `<!doctype html><title>Images</title><script type="module" src="page.js"></script>`,
      "page.js": script,
    });
    folder = await mkdtemp(join(tmpdir(), "graft-images-"));
  });
  afterAll(async () => {
    await site.close();
    await rm(folder, { recursive: true });
  });

  const decodeInPage = async (name: string, bytes: Buffer) => {
    const { page } = await chromium.open(site.url);
    return page.evaluate(
      async ({ name, base64 }) => {
        const decode = (globalThis as unknown as { decodeImage: typeof decodeImage }).decodeImage;
        const file = new File([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], name);
        try {
          const { data, ...shape } = await decode(file);
          return { ...shape, data: Array.from(data) };
        } catch (error) {
          return { error: (error as Error).message };
        }
      },
      { name, base64: bytes.toString("base64") },
    );
  };

  it.each(Object.keys(FILES))("%s has the pixels that it has in Node", async (name) => {
    const bytes = await FILES[name]();
    const path = join(folder, name);
    await writeFile(path, bytes);
    const { data, ...shape } = await decodeImageFile(path);
    expect(await decodeInPage(name, bytes)).toEqual({ ...shape, data: Array.from(data) });
  });

  it("that are none, broken or empty are refused by name", async () => {
    const whole = await FILES["colour.png"]();
    const cases: [string, Buffer, string][] = [
      ["notes.png", Buffer.from("Dear diary"), "expected a PNG, JPEG or WebP file"],
      ["empty.jpg", Buffer.alloc(0), "the file is empty"],
      ["broken.png", Buffer.concat([whole.subarray(0, 60), Buffer.alloc(200)]), "the file is broken or cut short"],
    ];
    for (const [name, bytes, why] of cases) {
      expect(await decodeInPage(name, bytes)).toEqual({ error: `${name}: cannot be decoded as an image: ${why}` });
    }
  });
});
