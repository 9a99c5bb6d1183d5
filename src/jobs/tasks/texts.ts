import { TextExamples, type TrainingExample } from "../../finetune/index.ts";
import type { Gpu } from "../../gpu/index.ts";
import { loadTextDataset, stratifiedSplit, type TextDataset, type TextExample } from "../../io/index.ts";
import {
  type DeviceInputs,
  type GPT2Base,
  GPT2ForSequenceClassification,
  type TokenInputs,
} from "../../models/index.ts";
import { JobError, SettingError } from "../errors.ts";
import { type DataSource, dataPlace, type FineTuneJob } from "../job.ts";
import { loadClassifier, loadLanguageModel, openTokenizer, saveModel, type TextFolder } from "../model-folder.ts";
import { DEFAULT_VALID_FRACTION, type FullSettings, fullSettings } from "../settings.ts";
import { promptsOf } from "./prompts.ts";
import { countClasses, type JobReader, type RunData, type TaskRun } from "./task-run.ts";
import { type EncodingOptions, encodeLabelled, encodeLanguage, maximumLength, splitLanguage } from "./text-data.ts";

const IMAGE_ONLY = ["augment", "imageSize"] as const;

/** Everything that reading the data of a job on texts depends on. */
interface Reading {
  readonly job: FineTuneJob;
  readonly settings: FullSettings;
  readonly folder: TextFolder;
  readonly reader: JobReader;
  readonly encoding: EncodingOptions;
}

/** Fine-tuning on texts: a classifier of them, or a language model. */
export async function prepareTexts(
  job: FineTuneJob & { task: "classify" | "lm" },
  folder: TextFolder,
  reader: JobReader,
): Promise<TaskRun<TokenInputs, DeviceInputs>> {
  const settings = fullSettings(job.settings);
  for (const name of IMAGE_ONLY) {
    if (settings[name] !== undefined) {
      throw new SettingError((n) => `${n(name)} goes with ${n("task")} image-classify`);
    }
  }
  const tokenizer = await openTokenizer(folder);
  const maxLength = maximumLength(settings.maxLength, folder.config);
  const padId = folder.config.padTokenId ?? 0;
  const examples = (list: readonly TrainingExample[]): TextExamples => new TextExamples(list, padId);
  const reading = { job, settings, folder, reader, encoding: { tokenizer, maxLength } };
  const { train, valid, labels, classes, texts = null, validation = null } = await readData(reading);
  const isNewHead = takesNewHead(reading);
  return {
    task: job.task,
    ...{ job, settings, folder },
    data: { train: examples(train), valid: valid && examples(valid), labels, classes },
    shown: { maxLength },
    isNewHead,
    validFraction: job.valid === undefined ? (settings.validFraction ?? DEFAULT_VALID_FRACTION) : null,
    ...{ texts, validation, tokenizer },
    prompts: labels ? [] : promptsOf(valid, tokenizer),
    unlabelled(inputs) {
      if (!labels) throw new Error("a language model has no classes to tell");
      if (inputs.some((input) => typeof input !== "string")) {
        throw new Error("a classifier of texts does not take images");
      }
      const asked = inputs.map((text) => ({ text: text as string, label: labels[0] }));
      return examples(encodeLabelled(asked, labels, reading.encoding));
    },
    load: (gpu) => loadModel(reading, labels, isNewHead, gpu),
    async save(output, model) {
      await saveModel(output, model as GPT2Base, folder, tokenizer);
      return "model, tokenizer";
    },
  };
}

interface TextData extends Omit<RunData<TokenInputs>, "train" | "valid"> {
  readonly train: TrainingExample[];
  readonly valid: TrainingExample[];
  /** The training texts themselves, where each has a class. */
  readonly texts?: readonly TextExample[];
  readonly validation?: readonly TextExample[];
}

async function readData(reading: Reading): Promise<TextData> {
  const { job, settings, reader, encoding } = reading;
  if (job.task === "classify") return readLabelledData(reading);
  const windows = async (source: DataSource): Promise<TrainingExample[]> =>
    encodeLanguage(dataPlace(source), await reader.text(source), settings, encoding);
  const all = await windows(job.data);
  return job.valid === undefined
    ? splitLanguage(all, settings.validFraction ?? DEFAULT_VALID_FRACTION)
    : { train: all, valid: await windows(job.valid) };
}

/** Whether the model gets a head for the data's classes; else the one that it has goes on training. */
const takesNewHead = ({ job, settings, folder }: Reading): boolean =>
  job.task === "classify" && (folder.task !== "classify" || settings.newHead);

/** The classes in the order of the head. */
function classesOf(reading: Reading, { labels }: TextDataset): readonly string[] {
  if (takesNewHead(reading)) return labels;
  const { job, folder } = reading;
  const theirs = folder.config.labels;
  if (labels.every((label) => theirs.includes(label))) return theirs;
  const list = (names: readonly string[]): string => names.slice(0, 6).join(", ") + (names.length > 6 ? ", …" : "");
  const both = `${folder.directory.name} tells ${list(theirs)} apart, ${dataPlace(job.data)} has ${list(labels)}`;
  throw new JobError((n) => `${both}; use ${n("newHead")} to give it a new head`);
}

/** Some of each class for validation. @throws JobError when there are too few. */
function splitLabelled({ job, settings }: Reading, examples: readonly TextExample[]) {
  const { validFraction = DEFAULT_VALID_FRACTION, seed } = settings;
  const labels = new Set(examples.map(({ label }) => label));
  if (Math.round(examples.length * validFraction) < 1 || labels.size === examples.length) {
    const few = `${dataPlace(job.data)}: ${examples.length} examples of ${labels.size} classes are too few to keep some for validation`;
    throw new JobError((n) => `${few}; give ${n("valid")}`);
  }
  return stratifiedSplit(examples, validFraction, seed);
}

async function readLabelledData(reading: Reading): Promise<TextData> {
  const { job, settings, reader, encoding } = reading;
  const { labelColumn, textColumn } = settings;
  const read = async (source: DataSource, labels?: readonly string[]): Promise<TextDataset> =>
    loadTextDataset(dataPlace(source), await reader.text(source), { labelColumn, textColumn, labels });
  const own = await read(job.data);
  const labels = classesOf(reading, own);
  const { train, valid } =
    job.valid === undefined
      ? splitLabelled(reading, own.examples)
      : { train: own.examples, valid: (await read(job.valid, labels)).examples };
  return {
    train: encodeLabelled(train, labels, encoding),
    valid: encodeLabelled(valid, labels, encoding),
    labels,
    classes: countClasses(labels, train, valid),
    texts: train,
    validation: valid,
  };
}

async function loadModel(
  { folder, settings }: Reading,
  labels: readonly string[] | undefined,
  isNewHead: boolean,
  gpu: Gpu,
): Promise<GPT2Base> {
  if (!labels) return loadLanguageModel(folder, gpu);
  if (!isNewHead) return loadClassifier(folder, gpu);
  const choice = { gpu, labels, head: { seed: settings.seed }, newHead: folder.task === "classify" };
  return GPT2ForSequenceClassification.fromPretrained(folder.directory, choice);
}
