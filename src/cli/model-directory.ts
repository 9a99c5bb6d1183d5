import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Gpu } from "../gpu/index.ts";
import { type OutputDirectory, Tokenizer } from "../io/index.ts";
import { NodeDirectory } from "../io/node/index.ts";
import {
  GPT2,
  type GPT2Base,
  type GPT2Config,
  GPT2ForSequenceClassification,
  readGPT2Config,
} from "../models/index.ts";
import { UsageError } from "./arguments.ts";

export const TASKS = ["classify", "lm"] as const;
export type Task = (typeof TASKS)[number];

/** A model directory whose configuration has been read; nothing of the weights yet. */
export interface ModelFolder {
  readonly directory: NodeDirectory;
  readonly config: GPT2Config;
  /** What the architecture in the config is for: a classifier's means `classify`, anything else `lm`. */
  readonly task: Task;
}

/** @throws when there is no such directory, or its config.json is missing, broken or not a GPT-2's. */
export async function openFolder(path: string): Promise<ModelFolder> {
  const directory = await NodeDirectory.open(path);
  if (!(await directory.has("config.json"))) throw new Error(`${path}: no model directory: there is no config.json`);
  const config = await readGPT2Config(directory);
  const task = String(config.source.architectures).includes("ForSequenceClassification") ? "classify" : "lm";
  return { directory, config, task };
}

export const openTokenizer = ({ directory }: ModelFolder): Promise<Tokenizer> => Tokenizer.fromDirectory(directory);

/** Loads a classifier. @throws when the folder holds a language model, which has no classes. */
export async function loadClassifier(
  { directory, task }: ModelFolder,
  gpu: Gpu,
): Promise<GPT2ForSequenceClassification> {
  if (task === "classify") return GPT2ForSequenceClassification.fromPretrained(directory, { gpu });
  const remedy = 'give it some with "graft finetune --task classify"';
  throw new Error(`${directory.name}: a language model has no classes yet; ${remedy}`);
}

/** Loads a language model. @throws when the folder holds a classifier. */
export async function loadLanguageModel({ directory, task }: ModelFolder, gpu: Gpu): Promise<GPT2> {
  if (task === "lm") return GPT2.fromPretrained(directory, { gpu });
  throw new Error(`${directory.name}: a classifier does not predict the next token; a language model is needed`);
}

/** Loads what a task needs. */
export const loadFor = (folder: ModelFolder, task: Task, gpu: Gpu): Promise<GPT2Base> =>
  task === "classify" ? loadClassifier(folder, gpu) : loadLanguageModel(folder, gpu);

/** Refuses to write a model where it was read, or over another one. */
export async function checkOutput(out: string, model: string, overwrite: boolean): Promise<void> {
  const [target, source] = await Promise.all([out, model].map((path) => stat(path).catch(() => null)));
  if (target && source && target.ino === source.ino && target.dev === source.dev) {
    throw new UsageError(`--out ${out} is the directory of the model itself`);
  }
  const held = await stat(join(out, "model.safetensors")).catch(() => null);
  if (held && !overwrite) throw new UsageError(`--out ${out} holds a model already; use --overwrite to replace it`);
}

/** Saves a model in Hub layout: weights, config, the tokenizer's files and, for language models, generation settings. */
export async function saveModel(
  output: OutputDirectory,
  model: GPT2Base,
  { directory }: Pick<ModelFolder, "directory">,
  tokenizer: Tokenizer,
): Promise<void> {
  await model.save(output);
  for (const [file, text] of tokenizer.files()) await output.writeText(file, text);
  const generation = "generation_config.json";
  if (model instanceof GPT2 && (await directory.has(generation))) {
    await output.writeText(generation, await directory.readText(generation));
  }
}
