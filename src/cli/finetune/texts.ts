import { TextExamples, type TrainingExample } from "../../finetune/index.ts";
import type { Gpu } from "../../gpu/index.ts";
import { stratifiedSplit, type TextDataset } from "../../io/index.ts";
import {
  type DeviceInputs,
  type GPT2Base,
  GPT2ForSequenceClassification,
  type TokenInputs,
} from "../../models/index.ts";
import { UsageError } from "../arguments.ts";
import {
  type EncodingOptions,
  encodeLabelled,
  encodeLanguage,
  maximumLength,
  readLabelled,
  splitLanguage,
} from "../data.ts";
import { loadClassifier, loadLanguageModel, openTokenizer, saveModel, type TextFolder } from "../model-directory.ts";
import { DEFAULT_VALID_FRACTION, type FinetuneCommandOptions, type Given } from "./options.ts";
import { countClasses, type RunData, type TaskRun } from "./task-run.ts";

const IMAGE_ONLY = ["augment", "imageSize"] as const;

/** Fine-tuning on texts: a classifier of them, or a language model. */
export async function prepareTexts(
  options: FinetuneCommandOptions,
  given: Given,
  folder: TextFolder,
): Promise<TaskRun<TokenInputs, DeviceInputs>> {
  for (const name of IMAGE_ONLY) {
    if (given.has(name))
      throw new UsageError(`--${name === "augment" ? name : "image-size"} goes with --task image-classify`);
  }
  const tokenizer = await openTokenizer(folder);
  const maxLength = maximumLength(options.maxLength, folder.config);
  const padId = folder.config.padTokenId ?? 0;
  const examples = (list: readonly TrainingExample[]): TextExamples => new TextExamples(list, padId);
  const { train, valid, labels, classes } = await readData(options, folder, { tokenizer, maxLength });
  const isNewHead = takesNewHead(options, folder);
  return {
    task: labels ? "classify" : "lm",
    data: { train: examples(train), valid: valid && examples(valid), labels, classes },
    settings: { maxLength },
    isNewHead,
    notes: [],
    validFraction: options.valid === undefined ? (options.validFraction ?? DEFAULT_VALID_FRACTION) : null,
    load: (gpu) => loadModel(options, folder, labels, isNewHead, gpu),
    async save(output, model) {
      await saveModel(output, model as GPT2Base, folder, tokenizer);
      return "model, tokenizer";
    },
  };
}

type TextData = Omit<RunData<TokenInputs>, "train" | "valid"> & { train: TrainingExample[]; valid: TrainingExample[] };

async function readData(
  options: FinetuneCommandOptions,
  folder: TextFolder,
  encoding: EncodingOptions,
): Promise<TextData> {
  if (options.task === "classify") return readLabelledData(options, folder, encoding);
  const all = await encodeLanguage(options.data, options, encoding);
  return options.valid === undefined
    ? splitLanguage(all, options.validFraction ?? DEFAULT_VALID_FRACTION)
    : { train: all, valid: await encodeLanguage(options.valid, options, encoding) };
}

/** Whether the model gets a head for the data's classes; else the one that it has goes on training. */
const takesNewHead = (options: FinetuneCommandOptions, { task }: TextFolder): boolean =>
  options.task === "classify" && (task !== "classify" || options.newHead);

/** The classes in the order of the head. */
function classesOf(options: FinetuneCommandOptions, folder: TextFolder, { labels }: TextDataset): readonly string[] {
  if (takesNewHead(options, folder)) return labels;
  const theirs = folder.config.labels;
  if (labels.every((label) => theirs.includes(label))) return theirs;
  const list = (names: readonly string[]): string => names.slice(0, 6).join(", ") + (names.length > 6 ? ", …" : "");
  const both = `${options.model} tells ${list(theirs)} apart, ${options.data} has ${list(labels)}`;
  throw new Error(`${both}; use --new-head to give it a new head`);
}

async function readLabelledData(
  options: FinetuneCommandOptions,
  folder: TextFolder,
  encoding: EncodingOptions,
): Promise<TextData> {
  const own = await readLabelled(options.data, options);
  const labels = classesOf(options, folder, own);
  const { train, valid } =
    options.valid === undefined
      ? stratifiedSplit(own.examples, options.validFraction ?? DEFAULT_VALID_FRACTION, options.seed)
      : { train: own.examples, valid: (await readLabelled(options.valid, options, labels)).examples };
  return {
    train: encodeLabelled(train, labels, encoding),
    valid: encodeLabelled(valid, labels, encoding),
    labels,
    classes: countClasses(labels, train, valid),
  };
}

async function loadModel(
  options: FinetuneCommandOptions,
  folder: TextFolder,
  labels: readonly string[] | undefined,
  isNewHead: boolean,
  gpu: Gpu,
): Promise<GPT2Base> {
  if (!labels) return loadLanguageModel(folder, gpu);
  if (!isNewHead) return loadClassifier(folder, gpu);
  const choice = { gpu, labels, head: { seed: options.seed }, newHead: folder.task === "classify" };
  return GPT2ForSequenceClassification.fromPretrained(folder.directory, choice);
}
