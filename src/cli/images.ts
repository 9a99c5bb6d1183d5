import {
  AUGMENTATIONS,
  fitImage,
  type ImageData,
  type ImageDataOptions,
  type ImagePreprocessing,
  readImagePack,
  SafetensorsFile,
} from "../io/index.ts";
import { type NamedImage, readImageData, readImages, readImagesOf } from "../io/node/index.ts";
import { NUMBERS } from "../jobs/settings.ts";
import { refuseTextSettings } from "../jobs/tasks/images.ts";
import type { OptionDefinitions } from "./arguments.ts";
import { isAddress, openPlace } from "./data.ts";

/** Options of a training run on images. */
export const IMAGE_OPTIONS = {
  augment: {
    type: "list",
    placeholder: "A,B,…",
    description:
      `what is done to training images at random: ${AUGMENTATIONS.join(", ")}, each with =X to set how much: pixels of ` +
      "margin, smallest share of the area, probability, strength",
  },
  imageSize: {
    ...NUMBERS.imageSize,
    description: "height and width of the images that the model gets; by default those of its configuration",
  },
} as const satisfies OptionDefinitions;

/** @throws SettingError when an option is given that goes with texts. */
export const refuseTextOptions = (given: ReadonlySet<string>): void =>
  refuseTextSettings(Object.fromEntries([...given].map((name) => [name, true])));

/** Reads labelled images from a disk, or a .safetensors file of them from an address. */
export async function readImagesAt(place: string, options: ImageDataOptions, signal?: AbortSignal): Promise<ImageData> {
  if (!isAddress(place)) return readImageData(place, options);
  const file = await SafetensorsFile.open(await openPlace(place, signal));
  try {
    return { train: await readImagePack(file, options), valid: null };
  } finally {
    await file.close();
  }
}

/** Reads images without their classes from a disk, or those of one file from an address. */
export const readImagesWithoutClasses = async (place: string, signal?: AbortSignal): Promise<NamedImage[]> =>
  isAddress(place) ? readImagesOf(await openPlace(place, signal)) : readImages(place);

/** Reads labelled images, each brought to size at once. */
export function readLabelledImages(
  place: string,
  preprocessing: ImagePreprocessing,
  { labels, signal }: { labels?: readonly string[]; signal?: AbortSignal } = {},
): Promise<ImageData> {
  return readImagesAt(place, { labels, prepare: (image) => fitImage(image, preprocessing) }, signal);
}
