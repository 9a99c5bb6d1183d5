import {
  type Augmentation,
  augmentColor,
  augmentShape,
  centerCrop,
  exampleRandom,
  type Image,
  type ImagePreprocessing,
  normalizeInto,
  toFloat,
} from "../io/index.ts";
import type { ImageInputs } from "../models/index.ts";
import { requireList, requireObject } from "../tensor/require-kind.ts";
import { type ExampleBatch, type ExampleSet, hashValues } from "./examples.ts";

/** One training example: an image brought to channels and size by `fitImage`, and its class index. */
export interface ImageTrainingExample {
  readonly image: Image;
  readonly label: number;
}

/** How images are brought to the model. */
export interface ImageExamplesOptions {
  readonly preprocessing: ImagePreprocessing;
  /** What is done to the images at random in training; nothing by default. */
  readonly augmentation?: Augmentation;
  /** Seed of the augmentation. What an image gets depends on it, the epoch and the image's place alone. */
  readonly seed?: number;
}

/**
 * Images as the trainer takes them. In training each is cut, mirrored and coloured anew in every epoch; in evaluation its
 * middle is taken. A run that goes on gives the same batches as one that was never stopped.
 */
export class ImageExamples implements ExampleSet<ImageInputs> {
  readonly isAugmented: boolean;
  readonly fingerprint: Readonly<Record<string, string | number | null>>;
  readonly #preprocessing: ImagePreprocessing;
  readonly #augmentation: Augmentation;
  readonly #seed: number;

  constructor(
    private readonly examples: readonly ImageTrainingExample[],
    options: ImageExamplesOptions,
  ) {
    requireList("ImageExamples", examples, "examples { image, label } in an array");
    requireObject("ImageExamples", options, "options { preprocessing }");
    requireObject("ImageExamples", options.preprocessing, "the model's preprocessing among the options");
    const { preprocessing, augmentation = {}, seed = 0 } = options;
    this.#preprocessing = preprocessing;
    this.#augmentation = augmentation;
    this.#seed = seed;
    this.isAugmented = Object.keys(augmentation).length > 0;
    this.fingerprint = {
      preprocessing: JSON.stringify(preprocessing),
      augmentation: JSON.stringify(augmentation),
      "augmentation's seed": this.isAugmented ? seed : null,
    };
  }

  get length(): number {
    return this.examples.length;
  }

  lengthOf(): number {
    return 1;
  }

  labelOf(index: number): number {
    return this.examples[index].label;
  }

  collate(indices: readonly number[], epoch?: number): ExampleBatch<ImageInputs> {
    const { channels, height, width } = this.#preprocessing;
    const size = channels * height * width;
    const pixels = new Float32Array(indices.length * size);
    for (const [row, index] of indices.entries()) this.#draw(index, epoch, pixels, row * size);
    const labels = Int32Array.from(indices, (index) => this.labelOf(index));
    const { length: batch } = indices;
    return { pixels, batch, channels, height, width, indices, labels, counted: batch, tokens: batch };
  }

  checksum(): number {
    let hash: number | undefined;
    for (const { image, label } of this.examples) {
      hash = hashValues(image.data, hashValues([image.channels, image.height, image.width, label], hash));
    }
    return (hash ?? hashValues([])) >>> 0;
  }

  #draw(index: number, epoch: number | undefined, pixels: Float32Array, begin: number): void {
    const { image } = this.examples[index];
    const preprocessing = this.#preprocessing;
    if (epoch === undefined || !this.isAugmented) {
      const middle = centerCrop(image, preprocessing.height, preprocessing.width);
      normalizeInto(pixels, begin, toFloat(middle), preprocessing);
      return;
    }
    const random = exampleRandom(this.#seed, epoch, index);
    const window = augmentShape(image, this.#augmentation, preprocessing, random);
    normalizeInto(pixels, begin, augmentColor(toFloat(window), this.#augmentation, random), preprocessing);
  }
}
