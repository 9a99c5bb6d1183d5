import {
  fitImage,
  type ImageData,
  type ImageDataset,
  type ImagePreprocessing,
  parseAugmentation,
  stratifiedSplit,
} from "../../io/index.ts";
import type { ImageClassifier, ImageInputs } from "../../models/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { SettingError } from "../errors.ts";
import { type DataSource, dataPlace, type FineTuneJob } from "../job.ts";
import type { ImageFolder } from "../model-folder.ts";
import { DEFAULT_VALID_FRACTION, type FullSettings, fullSettings } from "../settings.ts";
import { checkImageSize, encodeImages, preprocessingOf, saveImageModel } from "./image-data.ts";
import { countClasses, type JobReader, type TaskRun } from "./task-run.ts";

/** Settings about texts, which mean nothing for images. */
const TEXT_ONLY = ["labelColumn", "textColumn", "maxLength", "groupByLength"];

/** @throws SettingError when there is a setting that goes with texts. */
export function refuseTextSettings(settings: Readonly<Record<string, unknown>>): void {
  for (const name of TEXT_ONLY) {
    if (settings[name] !== undefined) throw new SettingError((n) => `${n(name)} goes with texts, not images`);
  }
}

/** Fine-tuning of an image classifier on images by class. */
export async function prepareImages(
  job: FineTuneJob,
  folder: ImageFolder,
  reader: JobReader,
): Promise<TaskRun<ImageInputs, Tensor>> {
  refuseTextSettings({ ...job.settings });
  const settings = fullSettings(job.settings);
  const preprocessing = preprocessingOf(folder, settings.imageSize);
  const augmentation = readAugmentation(settings, preprocessing);
  const { train, valid, dataset, validFraction } = await readParts(job, settings, preprocessing, reader);
  const { labels, isNewHead } = headFor(dataset, folder.description.labels, settings.newHead);
  if (labels.length < 2) {
    const place = dataPlace(job.data);
    throw new Error(`${place}: every image is of the class "${labels[0]}"; a classifier needs two or more`);
  }
  const own = isNewHead || !dataset.isNumbered ? null : labels;
  const named = <T extends { label: string }>(list: readonly T[]): T[] =>
    list.map((one) => (own ? { ...one, label: own[Number(one.label)] } : one));
  const [trained, validated] = [named(train), named(valid)];
  return {
    task: "image-classify",
    ...{ job, settings, folder },
    data: {
      train: encodeImages(trained, labels, { preprocessing, augmentation, seed: settings.seed }),
      valid: encodeImages(validated, labels, { preprocessing }),
      labels,
      classes: countClasses(labels, trained, validated),
    },
    shown: {
      imageSize: `${preprocessing.channels} × ${preprocessing.height} × ${preprocessing.width}`,
      augment: settings.augment?.join(", ") ?? null,
    },
    isNewHead,
    validFraction,
    validation: validated.map(({ name, label, image }) => ({ text: shortName(name), label, image })),
    ...{ texts: null, prompts: [], tokenizer: null },
    unlabelled(inputs) {
      const images = inputs.map((image, i) => {
        if (typeof image === "string") throw new Error("a classifier of images does not take texts");
        return { name: `image ${i}`, image: fitImage(image, preprocessing), label: labels[0] };
      });
      return encodeImages(images, labels, { preprocessing });
    },
    async load(gpu) {
      const { family } = folder.description;
      const head = isNewHead ? { labels, head: { seed: settings.seed }, newHead: true } : {};
      const model = await family.fromPretrained(folder.directory, { gpu, ...head });
      checkImageSize(model, preprocessing, settings.imageSize);
      return model;
    },
    async save(output, model) {
      await saveImageModel(output, model as ImageClassifier, folder, preprocessing);
      return "model, preprocessing";
    },
  };
}

/** "cat/1.png" of a path: a report is shown to others, who need not know the folders of this machine. */
const shortName = (path: string): string => path.split(/[\\/]/).slice(-2).join("/");

function readAugmentation({ augment = [] }: FullSettings, size: { height: number; width: number }) {
  try {
    return parseAugmentation(augment, size.height, size.width);
  } catch (error) {
    throw new SettingError((n) => `${n("augment")}: ${(error as Error).message}`);
  }
}

interface Parts {
  dataset: ImageDataset;
  train: ImageDataset["examples"];
  valid: ImageDataset["examples"];
  validFraction: number | null;
}

/** Images for training and for validation: a source of their own, the data's own part, or a share of the data. */
async function readParts(
  job: FineTuneJob,
  settings: FullSettings,
  preprocessing: ImagePreprocessing,
  reader: JobReader,
): Promise<Parts> {
  const read = (source: DataSource, labels?: readonly string[]): Promise<ImageData> =>
    reader.images(source, { labels, prepare: (image) => fitImage(image, preprocessing) });
  const { train: dataset, valid } = await read(job.data);
  if (job.valid !== undefined) {
    const other = await read(job.valid, dataset.labels);
    const { examples } = other.valid ?? other.train;
    return { dataset, train: dataset.examples, valid: examples, validFraction: null };
  }
  if (valid) {
    if (settings.validFraction !== undefined) {
      const place = dataPlace(job.data);
      throw new SettingError((n) => `${n("validFraction")}: ${place} has a part for validation of its own`);
    }
    return { dataset, train: dataset.examples, valid: valid.examples, validFraction: null };
  }
  const validFraction = settings.validFraction ?? DEFAULT_VALID_FRACTION;
  return { dataset, ...stratifiedSplit(dataset.examples, validFraction, settings.seed), validFraction };
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
