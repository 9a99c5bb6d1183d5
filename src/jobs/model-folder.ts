import type { Task } from "../finetune/index.ts";
import type { Gpu } from "../gpu/index.ts";
import { type ModelDirectory, type OutputDirectory, Tokenizer } from "../io/index.ts";
import {
  classLabels,
  describeImageModel,
  GPT2,
  type GPT2Base,
  type GPT2Config,
  GPT2ForSequenceClassification,
  IMAGE_FAMILIES,
  type ImageModelDescription,
  readGPT2Config,
} from "../models/index.ts";
import { JobError } from "./errors.ts";

/** A directory of a text model whose configuration has been read; nothing of the weights yet. */
export interface TextFolder {
  readonly kind: "texts";
  readonly directory: ModelDirectory;
  readonly config: GPT2Config;
  /** What the architecture in the config is for: a classifier's means `classify`, anything else `lm`. */
  readonly task: "classify" | "lm";
}

/** The same of an image classifier. */
export interface ImageFolder {
  readonly kind: "images";
  readonly directory: ModelDirectory;
  readonly description: ImageModelDescription;
  readonly task: "image-classify";
}

export type ModelFolder = TextFolder | ImageFolder;

/** @throws when config.json is missing, broken or of no known family. */
export async function openFolder(directory: ModelDirectory): Promise<ModelFolder> {
  if (!(await directory.has("config.json"))) {
    throw new Error(`${directory.name}: no model directory: there is no config.json`);
  }
  const description = await describeImageModel(directory);
  if (description) return { kind: "images", directory, description, task: "image-classify" };
  const config = await readGPT2Config(directory);
  const task = String(config.source.architectures).includes("ForSequenceClassification") ? "classify" : "lm";
  const labels = task === "classify" ? classLabels(config) : config.labels;
  return { kind: "texts", directory, config: { ...config, labels }, task };
}

/** @throws when the folder holds an image classifier. */
export function requireTexts(folder: ModelFolder): TextFolder {
  if (folder.kind === "texts") return folder;
  const { name } = folder.directory;
  throw new JobError((n) => `${name}: an image classifier does not take texts; use ${n("task")} image-classify`);
}

/** @throws when the folder holds a text model. */
export function requireImages(folder: ModelFolder): ImageFolder {
  if (folder.kind === "images") return folder;
  const known = IMAGE_FAMILIES.map(({ name }) => name).join(", ");
  throw new Error(`${folder.directory.name}: not an image classifier; known are ${known}`);
}

export const openTokenizer = ({ directory }: TextFolder): Promise<Tokenizer> => Tokenizer.fromDirectory(directory);

/** The task asked for, by default the one the model was made for. @throws when it was made for another. */
export function taskOf(folder: ModelFolder, asked: Task = folder.task): Task {
  if (asked === folder.task) return asked;
  if (asked === "image-classify") requireImages(folder);
  if (folder.kind === "images" && asked === "classify") requireTexts(folder);
  const problem =
    asked === "classify"
      ? 'a language model has no classes yet; give it some with "graft finetune --task classify"'
      : "a classifier does not predict the next token; a language model is needed";
  throw new Error(`${folder.directory.name}: ${problem}`);
}

/** @throws when the folder holds a language model, which has no classes. */
export function loadClassifier(folder: TextFolder, gpu: Gpu): Promise<GPT2ForSequenceClassification> {
  taskOf(folder, "classify");
  return GPT2ForSequenceClassification.fromPretrained(folder.directory, { gpu });
}

/** @throws when the folder holds a classifier. */
export function loadLanguageModel(folder: TextFolder, gpu: Gpu): Promise<GPT2> {
  taskOf(folder, "lm");
  return GPT2.fromPretrained(folder.directory, { gpu });
}

/** Loads what a task on texts needs. */
export const loadFor = (folder: TextFolder, task: Task, gpu: Gpu): Promise<GPT2Base> =>
  task === "classify" ? loadClassifier(folder, gpu) : loadLanguageModel(folder, gpu);

/** Saves a model in Hub layout: weights, config, the tokenizer's files and, for language models, generation settings. */
export async function saveModel(
  output: OutputDirectory,
  model: GPT2Base,
  { directory }: Pick<TextFolder, "directory">,
  tokenizer: Tokenizer,
): Promise<void> {
  await model.save(output);
  for (const [file, text] of tokenizer.files()) await output.writeText(file, text);
  const generation = "generation_config.json";
  if (model instanceof GPT2 && (await directory.has(generation))) {
    await output.writeText(generation, await directory.readText(generation));
  }
}
