import { requireObject } from "../../tensor/require-kind.ts";
import { fromInterleaved, type Image } from "../images/image.ts";

/** Kinds of files that are taken as images, as a file picker wants them. */
export const IMAGE_TYPES = "image/png,image/jpeg,image/webp,.png,.jpg,.jpeg,.webp";

/** The longest side that is decoded: what a canvas holds in every browser. */
const LONGEST_SIDE = 8192;

/**
 * Decodes a PNG, JPEG or WebP file to 8-bit grey or colour: upright as its EXIF orientation says, without alpha, pixel
 * values as they are stored whatever the colour profile, as `decodeImageFile` does in Node. Runs in pages and in workers.
 *
 * In Chromium the values are those of Node to the bit, but for the hidden colour of wholly transparent pixels. Other
 * browsers may round a JPEG or a translucent pixel otherwise.
 *
 * @param name what errors call it.
 * @throws naming the file when it is no image, broken or too large.
 */
export async function decodeImage(file: Blob, name = (file as Partial<File>)?.name ?? "image"): Promise<Image> {
  requireObject("decodeImage", file, "an image as a Blob, such as a File", ["slice", "arrayBuffer"]);
  const refuse = (why: string): never => {
    throw new Error(`${name}: cannot be decoded as an image: ${why}`);
  };
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const kind = kindOf(head);
  if (!kind) refuse(file.size === 0 ? "the file is empty" : "expected a PNG, JPEG or WebP file");
  const bitmap = await createImageBitmap(file, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
    imageOrientation: "from-image",
  }).catch(() => refuse("the file is broken or cut short"));
  try {
    const { width, height } = bitmap;
    if (Math.max(width, height) > LONGEST_SIDE) {
      refuse(`it is ${width} × ${height} pixels, and ${LONGEST_SIDE} a side is the most`);
    }
    return fromPixels(readPixels(bitmap), height, width, kind!.isGrey);
  } finally {
    bitmap.close();
  }
}

/** Red, green, blue and alpha of every pixel. */
function readPixels(bitmap: ImageBitmap): Uint8ClampedArray {
  const { width, height } = bitmap;
  // Halves keep the colours of translucent pixels, which a canvas multiplies by alpha and divides again.
  const settings = { willReadFrequently: true, colorType: "float16" } as CanvasRenderingContext2DSettings;
  const context = new OffscreenCanvas(width, height).getContext("2d", settings)!;
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, width, height).data;
}

function fromPixels(pixels: Uint8ClampedArray, height: number, width: number, isGrey: boolean): Image {
  const channels = isGrey ? 1 : 3;
  const own = new Uint8Array(channels * width * height);
  for (let from = 0, to = 0; from < pixels.length; from += 4) {
    for (let channel = 0; channel < channels; channel++) own[to++] = pixels[from + channel];
  }
  return fromInterleaved(channels, height, width, own);
}

/** Enough of a file to know what it is; a JPEG may have a preview and profiles ahead of its frame. */
const HEAD_BYTES = 2 ** 18;

/** What a file is by its first bytes, and whether its pixels are grey; null for no image that is taken. */
function kindOf(head: Uint8Array): { isGrey: boolean } | null {
  const text = (begin: number, end: number): string => String.fromCharCode(...head.subarray(begin, end));
  if (text(0, 8) === "\x89PNG\r\n\x1a\n") return { isGrey: head[25] === 0 || head[25] === 4 };
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return { isGrey: false };
  if (head[0] === 0xff && head[1] === 0xd8) return { isGrey: jpegComponents(head) === 1 };
  return null;
}

/** Components of a JPEG's frame, found behind its other segments. */
function jpegComponents(head: Uint8Array): number | undefined {
  for (let place = 2; place + 9 < head.length && head[place] === 0xff; ) {
    const marker = head[place + 1];
    // Frames are C0 to CF but for tables (C4), extensions (C8) and arithmetic conditions (CC).
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc)
      return head[place + 9];
    place += marker === 0xff ? 1 : 2 + 256 * head[place + 2] + head[place + 3];
  }
  return undefined;
}
