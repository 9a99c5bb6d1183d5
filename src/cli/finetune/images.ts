import { formatCount } from "../../finetune/format.ts";
import { type ImageDataset, listLabels, parseAugmentation, stratifiedSplit } from "../../io/index.ts";
import type { ImageClassifier, ImageInputs } from "../../models/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { UsageError } from "../arguments.ts";
import {
  checkImageSize,
  encodeImages,
  preprocessingOf,
  readLabelledImages,
  refuseTextOptions,
  saveImageModel,
} from "../images.ts";
import type { ImageFolder } from "../model-directory.ts";
import { printable } from "../text.ts";
import { DEFAULT_VALID_FRACTION, type FinetuneCommandOptions, type Given } from "./options.ts";
import { type ClassCounts, countClasses, type TaskRun } from "./task-run.ts";

/** Classes whose counts are listed one by one. */
const LISTED_CLASSES = 20;

/** Fine-tuning of an image classifier on images by class. */
export async function prepareImages(
  options: FinetuneCommandOptions,
  given: Given,
  folder: ImageFolder,
): Promise<TaskRun<ImageInputs, Tensor>> {
  refuseTextOptions(given);
  const preprocessing = preprocessingOf(folder, options.imageSize);
  const augmentation = readAugmentation(options, preprocessing);
  const { train, valid, dataset, validFraction } = await readParts(options, given, folder);
  const { labels, isNewHead } = headFor(dataset, folder.description.labels, options.newHead);
  if (labels.length < 2) {
    throw new Error(`${options.data}: every image is of the class "${labels[0]}"; a classifier needs two or more`);
  }
  const own = isNewHead || !dataset.isNumbered ? null : labels;
  const named = <T extends { label: string }>(list: readonly T[]): T[] =>
    list.map((one) => (own ? { ...one, label: own[Number(one.label)] } : one));
  const [trained, validated] = [named(train), named(valid)];
  const classes = countClasses(labels, trained, validated);
  return {
    task: "image-classify",
    data: {
      train: encodeImages(trained, labels, { preprocessing, augmentation, seed: options.seed }),
      valid: encodeImages(validated, labels, { preprocessing }),
      labels,
      classes,
    },
    settings: {
      imageSize: `${preprocessing.channels} × ${preprocessing.height} × ${preprocessing.width}`,
      augment: options.augment?.join(", ") ?? null,
    },
    isNewHead,
    notes: describeClasses(classes, isNewHead),
    validFraction,
    async load(gpu) {
      const { family } = folder.description;
      const head = isNewHead ? { labels, head: { seed: options.seed }, newHead: true } : {};
      const model = await family.fromPretrained(folder.directory, { gpu, ...head });
      checkImageSize(model, preprocessing, options.imageSize);
      return model;
    },
    async save(output, model) {
      await saveImageModel(output, model as ImageClassifier, folder, preprocessing);
      return "model, preprocessing";
    },
  };
}

function readAugmentation({ augment = [] }: FinetuneCommandOptions, size: { height: number; width: number }) {
  try {
    return parseAugmentation(augment, size.height, size.width);
  } catch (error) {
    throw new UsageError(`--augment: ${(error as Error).message}`);
  }
}

interface Parts {
  dataset: ImageDataset;
  train: ImageDataset["examples"];
  valid: ImageDataset["examples"];
  validFraction: number | null;
}

/** Images for training and for validation: a file or folder of its own, the data's own part, or a share of the data. */
async function readParts(options: FinetuneCommandOptions, given: Given, folder: ImageFolder): Promise<Parts> {
  const preprocessing = preprocessingOf(folder, options.imageSize);
  const { train: dataset, valid } = await readLabelledImages(options.data, preprocessing);
  if (options.valid !== undefined) {
    const other = await readLabelledImages(options.valid, preprocessing, dataset.labels);
    const { examples } = other.valid ?? other.train;
    return { dataset, train: dataset.examples, valid: examples, validFraction: null };
  }
  if (valid) {
    if (given.has("validFraction")) {
      throw new UsageError(`--valid-fraction: ${options.data} has a part for validation of its own`);
    }
    return { dataset, train: dataset.examples, valid: valid.examples, validFraction: null };
  }
  const validFraction = options.validFraction ?? DEFAULT_VALID_FRACTION;
  return { dataset, ...stratifiedSplit(dataset.examples, validFraction, options.seed), validFraction };
}

/** Names of classes that are none: numbers, and transformers' own "LABEL_0". */
const areNumbers = (labels: readonly string[]): boolean =>
  labels.every((label, i) => label === String(i) || label === `LABEL_${i}`);

/** The classes in the order of the head. The model keeps its own when it knows all classes of the data. */
function headFor(
  { labels, isNumbered }: ImageDataset,
  theirs: readonly string[],
  isForced: boolean,
): { labels: readonly string[]; isNewHead: boolean } {
  const isKnown = isNumbered
    ? areNumbers(theirs) && labels.length <= theirs.length
    : labels.every((label) => theirs.includes(label));
  return isKnown && !isForced ? { labels: theirs, isNewHead: false } : { labels, isNewHead: true };
}

function describeClasses(classes: ClassCounts, isNewHead: boolean): string[] {
  const head = isNewHead ? "a new head" : "the model's own head";
  if (classes.length > LISTED_CLASSES) {
    return [`classes  ${classes.length}, with ${head}: ${printable(listLabels(classes.map(({ label }) => label)))}`];
  }
  const counts = classes.map(
    ({ label, train, valid }) => `${printable(label)} ${formatCount(train)}+${formatCount(valid)}`,
  );
  return [`classes  ${classes.length}, with ${head} (training + validation): ${counts.join(", ")}`];
}
