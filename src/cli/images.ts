import { ImageExamples, type ImageExamplesOptions } from "../finetune/index.ts";
import type { Gpu } from "../gpu/index.ts";
import {
  AUGMENTATIONS,
  fitImage,
  type ImageDataset,
  type ImagePreprocessing,
  type OutputDirectory,
  serializePreprocessing,
  withImageSize,
} from "../io/index.ts";
import { readImageData } from "../io/node/index.ts";
import { type ImageClassifier, PREPROCESSOR_CONFIG } from "../models/index.ts";
import { flag, type OptionDefinitions, UsageError } from "./arguments.ts";
import type { ImageFolder } from "./model-directory.ts";

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
    type: "integer",
    min: 1,
    description: "height and width of the images that the model gets; by default those of its configuration",
  },
} as const satisfies OptionDefinitions;

/** Options about texts, which mean nothing for images. */
const TEXT_OPTIONS = ["labelColumn", "textColumn", "maxLength", "groupByLength"];

/** @throws UsageError when an option is given that goes with texts. */
export function refuseTextOptions(given: ReadonlySet<string>): void {
  for (const name of TEXT_OPTIONS)
    if (given.has(name)) throw new UsageError(`${flag(name)} goes with texts, not images`);
}

/** How a model's images are made its inputs, at another size when one is asked for. */
export const preprocessingOf = ({ description }: ImageFolder, size?: number): ImagePreprocessing =>
  size === undefined ? description.preprocessing : withImageSize(description.preprocessing, size);

/** Reads labelled images, each brought to size at once. */
export function readLabelledImages(path: string, preprocessing: ImagePreprocessing, labels?: readonly string[]) {
  return readImageData(path, { labels, prepare: (image) => fitImage(image, preprocessing) });
}

/** Examples with the places of their classes in `labels`. */
export function encodeImages(
  examples: ImageDataset["examples"],
  labels: readonly string[],
  options: ImageExamplesOptions,
): ImageExamples {
  const places = new Map(labels.map((label, place) => [label, place]));
  return new ImageExamples(
    examples.map(({ image, label }) => ({ image, label: places.get(label)! })),
    options,
  );
}

/**
 * Images too small for the model are a mistake in `--image-size` when it is given, else in the model's directory.
 *
 * @throws naming the layer that they do not fit.
 */
export function checkImageSize(model: ImageClassifier, { height, width }: ImagePreprocessing, asked?: number): void {
  try {
    model.checkImageSize(height, width);
  } catch (error) {
    if (asked === undefined) throw error;
    throw new UsageError(`--image-size ${asked}: ${(error as Error).message}`);
  }
}

/** Loads the model of a folder with its own head. */
export const loadImages = ({ directory, description }: ImageFolder, gpu: Gpu): Promise<ImageClassifier> =>
  description.family.fromPretrained(directory, { gpu });

/** Saves a model with how its images are made inputs, so that both open again. */
export async function saveImageModel(
  output: OutputDirectory,
  model: ImageClassifier,
  { directory, description }: ImageFolder,
  preprocessing: ImagePreprocessing,
): Promise<void> {
  await model.save(output);
  const isTheirs = preprocessing === description.preprocessing && (await directory.has(PREPROCESSOR_CONFIG));
  const text = isTheirs ? await directory.readText(PREPROCESSOR_CONFIG) : serializePreprocessing(preprocessing);
  await output.writeText(PREPROCESSOR_CONFIG, text);
}
