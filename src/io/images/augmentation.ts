import { exponential, naturalLogarithm } from "../../tensor/portable-math.ts";
import type { RandomSource } from "../datasets/random.ts";
import { adjustBrightness, adjustContrast, adjustSaturation, type FloatImage } from "./augment.ts";
import { centerCrop, crop, flipHorizontal, type Image } from "./image.ts";
import { type ResizeFilter, resize } from "./resize.ts";

/** What is done to training images at random, each time anew. */
export interface Augmentation {
  /** A window at a random place of the image with a black margin of so many pixels around it. */
  readonly crop?: { readonly padding: number };
  /** A window of a random share of the area, down to this one, and a side ratio of 3:4 to 4:3, resized. */
  readonly resizedCrop?: { readonly smallest: number };
  /** Mirrored with this probability. */
  readonly flip?: number;
  /** Brightness, contrast and saturation by factors from 1 - x to 1 + x, in random order. */
  readonly jitter?: number;
}

/** Names of what can be done to training images, as {@link parseAugmentation} takes them. */
export const AUGMENTATIONS = ["crop", "resized-crop", "flip", "jitter"] as const;

/** Share of the image's side that a random crop may be off by, unless it is told. */
const CROP_SHARE = 8;
const DEFAULTS = { "resized-crop": 0.25, flip: 0.5, jitter: 0.2 };

/**
 * Reads augmentations by name, each with its number when it is not to be the default: `crop=4` (pixels of margin, an
 * eighth of the side), `resized-crop=0.25` (smallest share of the area), `flip=0.5` (probability), `jitter=0.2`.
 *
 * @throws RangeError for a name or a number that is none.
 */
export function parseAugmentation(items: readonly string[], height: number, width: number): Augmentation {
  const result: { -readonly [K in keyof Augmentation]: Augmentation[K] } = {};
  for (const item of items) {
    const [name, text] = item.split("=", 2);
    const value = text === undefined || text === "" ? Number.NaN : Number(text);
    const number = (fallback: number, most: number): number => {
      if (text === undefined) return fallback;
      if (value >= 0 && value <= most) return value;
      throw new RangeError(`augmentation ${JSON.stringify(item)}: expected a number from 0 to ${most}`);
    };
    if (name === "crop") {
      const padding = number(Math.round(Math.min(height, width) / CROP_SHARE), Math.min(height, width));
      if (!Number.isInteger(padding))
        throw new RangeError(`augmentation ${JSON.stringify(item)}: expected whole pixels`);
      result.crop = { padding };
    } else if (name === "resized-crop") {
      result.resizedCrop = { smallest: number(DEFAULTS[name], 1) };
    } else if (name === "flip" || name === "jitter") {
      result[name] = number(DEFAULTS[name], 1);
    } else throw new RangeError(`unknown augmentation ${JSON.stringify(name)}; there are ${AUGMENTATIONS.join(", ")}`);
  }
  if (result.crop && result.resizedCrop) throw new RangeError("augmentations crop and resized-crop exclude each other");
  return result;
}

/** The window of an image that is to be trained on: random, or its middle where no crop is asked for. */
export function augmentShape(
  image: Image,
  { crop: cropping, resizedCrop, flip }: Augmentation,
  { height, width, filter }: { height: number; width: number; filter: ResizeFilter },
  random: RandomSource,
): Image {
  let window: Image;
  if (cropping) {
    const place = (size: number, wanted: number): number => {
      const free = size + 2 * cropping.padding - wanted;
      // An image that is too small even with its margin stays in the middle.
      return free < 0 ? Math.floor((size - wanted) / 2) : Math.floor(random.next() * (free + 1)) - cropping.padding;
    };
    const top = place(image.height, height);
    window = crop(image, top, place(image.width, width), height, width);
  } else if (resizedCrop) {
    window = resize(randomWindow(image, resizedCrop.smallest, random), height, width, filter);
  } else window = centerCrop(image, height, width);
  return flip !== undefined && random.next() < flip ? flipHorizontal(window) : window;
}

/** As torchvision's RandomResizedCrop: ten tries at a share and a ratio that fit, then the largest that does. */
function randomWindow(image: Image, smallest: number, random: RandomSource): Image {
  const area = image.height * image.width;
  const widest = naturalLogarithm(4 / 3);
  for (let attempt = 0; attempt < 10; attempt++) {
    const share = area * (smallest + (1 - smallest) * random.next());
    const ratio = exponential(widest * (2 * random.next() - 1));
    const width = Math.round(Math.sqrt(share * ratio));
    const height = Math.round(Math.sqrt(share / ratio));
    if (width < 1 || height < 1 || width > image.width || height > image.height) continue;
    const top = Math.floor(random.next() * (image.height - height + 1));
    return crop(image, top, Math.floor(random.next() * (image.width - width + 1)), height, width);
  }
  const height = Math.min(image.height, Math.max(1, Math.round((image.width * 4) / 3)));
  return centerCrop(image, height, Math.min(image.width, Math.max(1, Math.round((height * 4) / 3))));
}

/** Colour jitter: each of the three by a factor of its own, in an order of its own, as torchvision's ColorJitter. */
export function augmentColor(image: FloatImage, { jitter }: Augmentation, random: RandomSource): FloatImage {
  if (!jitter) return image;
  const adjustments = [adjustBrightness, adjustContrast, adjustSaturation];
  let result = image;
  while (adjustments.length > 0) {
    const [adjust] = adjustments.splice(Math.floor(random.next() * adjustments.length), 1);
    result = adjust(result, 1 + jitter * (2 * random.next() - 1));
  }
  return result;
}
