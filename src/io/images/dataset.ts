import type { Image } from "./image.ts";

/** One image with its class. */
export interface ImageExample {
  /** File, or place in one, for errors and for output. */
  readonly name: string;
  readonly label: string;
  readonly image: Image;
}

/** Images with classes, and the classes in a fixed order: a class's index is its place in `labels`. */
export interface ImageDataset {
  readonly examples: readonly ImageExample[];
  readonly labels: readonly string[];
  /** Whether the classes had no names: they are called by their numbers, "0", "1", … */
  readonly isNumbered: boolean;
}

/** A data set, and the part of it that was set aside for validation, if any was. */
export interface ImageData {
  readonly train: ImageDataset;
  readonly valid: ImageDataset | null;
}

/** How labelled images are read. */
export interface ImageDataOptions {
  /**
   * The classes there are, in order; any other is an error. Where the data numbers its classes, the numbers are places
   * in this list.
   */
  readonly labels?: readonly string[];
  /** Applied to each image as soon as it is read, so that large ones are not kept: bringing it to size. */
  readonly prepare?: (image: Image) => Image;
}

/** Classes that data without names may have: a number beyond is taken for a mistake, not for that many classes. */
const MOST_NUMBERED_CLASSES = 2 ** 16;

/** Names of `count` classes that have none. */
export const numberedLabels = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

/** Puts images and class numbers together. `file` and `places` name an image in errors. */
export function numberedDataset(
  file: string,
  images: readonly Image[],
  classes: ArrayLike<number>,
  names: readonly string[] | null,
  { labels, prepare = (image) => image }: ImageDataOptions,
): ImageDataset {
  if (classes.length !== images.length) {
    throw new Error(`${file}: ${images.length} images, but ${classes.length} labels`);
  }
  if (images.length === 0) throw new Error(`${file}: there are no images`);
  let most = 0;
  for (let i = 0; i < classes.length; i++) {
    if (!names && !labels && classes[i] >= MOST_NUMBERED_CLASSES) {
      throw new Error(`${file}[${i}]: class ${classes[i]}, expected 0 to ${MOST_NUMBERED_CLASSES - 1}`);
    }
    most = Math.max(most, classes[i]);
  }
  const own = names ?? labels ?? numberedLabels(most + 1);
  const examples = images.map((image, i) => {
    const name = `${file}[${i}]`;
    const label = own[classes[i]];
    if (label === undefined) {
      throw new Error(`${name}: class ${classes[i]}, expected 0 to ${own.length - 1}: ${listLabels(own)}`);
    }
    return { name, label, image: prepare(image) };
  });
  const dataset = { examples, labels: own, isNumbered: names === null };
  return labels ? withLabels(dataset, labels) : dataset;
}

/** The data set with the given classes in their order. @throws naming an example of any other class. */
export function withLabels(dataset: ImageDataset, labels: readonly string[]): ImageDataset {
  const known = new Set(labels);
  for (const { name, label } of dataset.examples) {
    if (!known.has(label)) {
      throw new Error(`${name}: unknown class ${JSON.stringify(label)}; the classes are ${listLabels(labels)}`);
    }
  }
  return { ...dataset, labels };
}

/** A few names of many. */
export const listLabels = (labels: readonly string[]): string =>
  labels.slice(0, 6).join(", ") + (labels.length > 6 ? `, … (${labels.length})` : "");
