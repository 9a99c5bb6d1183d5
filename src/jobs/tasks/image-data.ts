import { ImageExamples, type ImageExamplesOptions } from "../../finetune/index.ts";
import type { Gpu } from "../../gpu/index.ts";
import {
  type ImageDataset,
  type ImagePreprocessing,
  type OutputDirectory,
  serializePreprocessing,
  withImageSize,
} from "../../io/index.ts";
import { type ImageClassifier, PREPROCESSOR_CONFIG } from "../../models/index.ts";
import { SettingError } from "../errors.ts";
import type { ImageFolder } from "../model-folder.ts";

/** How a model's images are made its inputs, at another size when one is asked for. */
export const preprocessingOf = ({ description }: ImageFolder, size?: number): ImagePreprocessing =>
  size === undefined ? description.preprocessing : withImageSize(description.preprocessing, size);

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
 * Images too small for the model are a mistake in the size asked for when there is one, else in the model's directory.
 *
 * @throws naming the layer that they do not fit.
 */
export function checkImageSize(model: ImageClassifier, { height, width }: ImagePreprocessing, asked?: number): void {
  try {
    model.checkImageSize(height, width);
  } catch (error) {
    if (asked === undefined) throw error;
    throw new SettingError((n) => `${n("imageSize")} ${asked}: ${(error as Error).message}`);
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
