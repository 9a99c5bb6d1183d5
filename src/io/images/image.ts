import { describeKind } from "../../tensor/require-kind.ts";

/** Pixels of one image with 8 bits a channel, planar: row-major [channels, height, width]. */
export interface Image {
  /** 1 for grey, 3 for red, green and blue. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

/** @throws TypeError where what `who` is given is no image. */
export function requireImage(who: string, image: Image): void {
  if (typeof image?.data === "object") return;
  const expected = "an image { channels, height, width, data }, as makeImage, fromInterleaved or a decoder gives";
  throw new TypeError(`${who}: expected ${expected}, got ${describeKind(image)}`);
}

/** @throws RangeError when the data does not fill the shape. */
export function makeImage(channels: number, height: number, width: number, data: Uint8Array): Image {
  if (data.length !== channels * height * width) {
    throw new RangeError(`an image of shape [${channels}, ${height}, ${width}] does not have ${data.length} values`);
  }
  return { channels, height, width, data };
}

/** An image from interleaved pixels [height, width, channels], as decoders and canvases give them. */
export function fromInterleaved(channels: number, height: number, width: number, pixels: Uint8Array): Image {
  const plane = height * width;
  const { data } = makeImage(channels, height, width, new Uint8Array(pixels.length));
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < plane; i++) data[channel * plane + i] = pixels[i * channels + channel];
  }
  return { channels, height, width, data };
}

/**
 * The image with another number of channels: grey is repeated; colours become luminance,
 * (19595·R + 38470·G + 7471·B + 2^15) >> 16, as Pillow's convert("L").
 *
 * @throws RangeError for any other change.
 */
export function toChannels(image: Image, channels: number): Image {
  const { height, width, data } = image;
  const plane = height * width;
  if (image.channels === channels) return image;
  if (image.channels === 1) {
    const repeated = new Uint8Array(channels * plane);
    for (let channel = 0; channel < channels; channel++) repeated.set(data, channel * plane);
    return { channels, height, width, data: repeated };
  }
  if (image.channels !== 3 || channels !== 1) {
    throw new RangeError(`an image of ${image.channels} channels cannot be made one of ${channels}`);
  }
  const grey = new Uint8Array(plane);
  for (let i = 0; i < plane; i++) {
    grey[i] = (19595 * data[i] + 38470 * data[plane + i] + 7471 * data[2 * plane + i] + 0x8000) >> 16;
  }
  return { channels, height, width, data: grey };
}

/** The window of an image that begins at (top, left), which may lie outside; there it is 0. */
export function crop(image: Image, top: number, left: number, height: number, width: number): Image {
  const { channels } = image;
  if (top === 0 && left === 0 && height === image.height && width === image.width) return image;
  const data = new Uint8Array(channels * height * width);
  const begin = Math.max(0, -left);
  const end = Math.min(width, image.width - left);
  for (let channel = 0; channel < channels && begin < end; channel++) {
    for (let y = Math.max(0, -top); y < Math.min(height, image.height - top); y++) {
      const from = (channel * image.height + top + y) * image.width + left;
      data.set(image.data.subarray(from + begin, from + end), (channel * height + y) * width + begin);
    }
  }
  return { channels, height, width, data };
}

/** The middle of an image, from floor((size - wanted) / 2) on, as in transformers; 0 where the image is too small. */
export function centerCrop(image: Image, height: number, width: number): Image {
  const top = Math.floor((image.height - height) / 2);
  const left = Math.floor((image.width - width) / 2);
  return crop(image, top, left, height, width);
}

/** The mirror image: left becomes right. */
export function flipHorizontal(image: Image): Image {
  const { width } = image;
  const data = image.data.slice();
  for (let begin = 0; begin < data.length; begin += width) data.subarray(begin, begin + width).reverse();
  return { ...image, data };
}
