import { AUGMENTATIONS, fitImage, type ImagePreprocessing } from "../io/index.ts";
import { readImageData } from "../io/node/index.ts";
import { NUMBERS } from "../jobs/settings.ts";
import { refuseTextSettings } from "../jobs/tasks/images.ts";
import type { OptionDefinitions } from "./arguments.ts";

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

/** Reads labelled images, each brought to size at once. */
export function readLabelledImages(path: string, preprocessing: ImagePreprocessing, labels?: readonly string[]) {
  return readImageData(path, { labels, prepare: (image) => fitImage(image, preprocessing) });
}
