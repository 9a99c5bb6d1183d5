import { crc32 } from "../crc32.ts";
import { type Image, requireImage } from "./image.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Colour types of the format by channels. */
const COLOUR_TYPES: Readonly<Record<number, number>> = { 1: 0, 3: 2 };

/**
 * A PNG file of an image, 8 bits a channel, rows unfiltered. Meant for small pictures in pages and reports.
 *
 * Format: PNG (Third Edition), W3C Recommendation, sections 5 and 11.
 *
 * @throws RangeError for an image that is neither grey nor of three colours.
 */
export async function encodePng(image: Image): Promise<Uint8Array> {
  requireImage("encodePng", image);
  const { channels, height, width, data } = image;
  const colourType = COLOUR_TYPES[channels];
  if (colourType === undefined) throw new RangeError(`encodePng: expected 1 or 3 channels, got ${channels}`);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, colourType], 8);

  // Each row begins with its filter, 0 for none; pixels are interleaved.
  const plane = height * width;
  const rows = new Uint8Array(height * (1 + channels * width));
  for (let y = 0, at = 0; y < height; y++) {
    at++;
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) rows[at++] = data[channel * plane + y * width + x];
    }
  }
  const packed = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
  const pixels = new Uint8Array(await new Response(packed).arrayBuffer());
  const parts = [
    new Uint8Array(SIGNATURE),
    chunk("IHDR", header),
    chunk("IDAT", pixels),
    chunk("IEND", new Uint8Array()),
  ];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Length, type, contents, and the checksum of the latter two. */
function chunk(type: string, contents: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(12 + contents.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, contents.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(contents, 8);
  view.setUint32(8 + contents.length, crc32(bytes.subarray(4, 8 + contents.length)));
  return bytes;
}
