import { adapterSize } from "../../finetune/lora.ts";
import { DryGpu, type Gpu } from "../../gpu/index.ts";
import type { ModelDirectory } from "../../io/index.ts";
import { dataName, type FineTuneJob } from "../../jobs/index.ts";
import { type ModelFolder, openFolder, openTokenizer } from "../../jobs/model-folder.ts";
import type { TaskRun } from "../../jobs/tasks/task-run.ts";
import { makeTrainable } from "../../jobs/training/trainable.ts";
import { GPT2, GPT2ForSequenceClassification, type StagedModel } from "../../models/index.ts";
import { readJson } from "../../models/loading.ts";
import { levelOf } from "../../models/staged-model.ts";
import { matchesPattern, type ParameterGroup } from "../../nn/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { DataDescription, ModelInspection, ModelStage } from "../types.ts";

type AnyModel = StagedModel<unknown, unknown>;

/** How a job would train its model: it is made on no device, and nothing of the weights is read. */
export async function inspectJob(task: TaskRun, gpu: Gpu): Promise<ModelInspection> {
  const { model, optimizer } = await makeTrainable(task, new DryGpu(gpu));
  return inspection(task.folder, model, optimizer.groups);
}

/** A model by itself, all of it trained. @throws when its configuration, or the tokenizer of a model of texts, is not there. */
export async function inspectModel(directory: ModelDirectory, task: FineTuneJob["task"] | undefined, gpu: Gpu) {
  const folder = await openFolder(directory);
  // A model of texts is of no use without what makes tokens of them, and is better refused than found out later.
  if (folder.kind === "texts") await openTokenizer(folder);
  const model = await load(folder, task ?? folder.task, new DryGpu(gpu));
  return inspection(folder, model as unknown as AnyModel, []);
}

function load(folder: ModelFolder, task: FineTuneJob["task"], gpu: Gpu) {
  if (folder.kind === "images") return folder.description.family.fromPretrained(folder.directory, { gpu });
  if (task === "lm") return GPT2.fromPretrained(folder.directory, { gpu });
  // A head that is still to come has two classes for now.
  const labels = folder.task === "classify" ? undefined : ["0", "1"];
  return GPT2ForSequenceClassification.fromPretrained(folder.directory, { gpu, labels });
}

async function inspection(
  folder: ModelFolder,
  model: AnyModel,
  groups: readonly ParameterGroup[],
): Promise<ModelInspection> {
  const rates = new Map<Tensor, number>();
  for (const { parameters, learningRate } of groups)
    for (const tensor of parameters.values()) rates.set(tensor, learningRate);
  type Named = readonly [name: string, tensor: Tensor];
  const named: readonly Named[] = [...model.namedParameters()];
  const sizeOf = (some: readonly Named[]): number => some.reduce((sum, [, tensor]) => sum + tensor.size, 0);
  // Adapters are merged into the weights at the end: the model that is saved has none.
  const isSaved = ([name]: Named): boolean => !matchesPattern(name, "*.lora_?.weight");
  const stageOf = (name: string, own: ReadonlySet<Tensor>, level: number, size: number): ModelStage => {
    const parts = named.filter(([, tensor]) => own.has(tensor));
    const saved = parts.filter(isSaved);
    const trained = parts.filter(([, tensor]) => rates.has(tensor));
    const names = saved.map(([parameter]) => parameter);
    return {
      ...{ name, level, parameters: sizeOf(saved), names, adapterSize: size, pattern: patternOf(model, name, names) },
      rate: trained.length === 0 ? null : Math.max(...trained.map(([, tensor]) => rates.get(tensor)!)),
      trained: sizeOf(trained),
    };
  };
  const { stages } = model;
  const inTrunk = new Set(stages.flatMap(({ module }) => module.parameters()));
  const head = model.headModules.flatMap(({ parameters }) => parameters).filter((tensor) => !inTrunk.has(tensor));
  const isText = folder.kind === "texts";
  return {
    name: folder.directory.name,
    family: isText ? "GPT-2" : folder.description.family.name,
    architecture: model.architecture,
    tasks: isText ? (folder.task === "classify" ? ["classify"] : ["classify", "lm"]) : ["image-classify"],
    stages: stages.map(({ name, module }, i) =>
      stageOf(name, new Set(module.parameters()), levelOf(stages, i), adapterSize(module)),
    ),
    head: stageOf(model.headModules[0]?.name ?? "head", new Set(head), -1, 0),
    parameters: sizeOf(named.filter(isSaved)),
    trainableParameters: sizeOf(named.filter(([, tensor]) => rates.has(tensor))),
    labels: isText ? (folder.task === "classify" ? folder.config.labels : []) : folder.description.labels,
    positions: isText ? folder.config.positions : null,
    imageShape: isText ? null : [folder.description.channels, folder.description.height, folder.description.width],
    config: (await readJson(folder.directory, "config.json")) as Record<string, unknown>,
  };
}

/** Globs, comma-separated, that match a stage's parameters and no others: its name, or where that is none, its parts. */
function patternOf(model: AnyModel, stage: string, names: readonly string[]): string {
  if (names.every((name) => model.matches(name, stage))) return stage;
  return [...new Set(names.map((name) => name.replace(/^transformer\./, "").replace(/\.(?:weight|bias)$/, "")))].join();
}

/** Bars of the histogram of lengths, at most. */
const MOST_BINS = 16;
/** Examples of each class that are shown. */
const SHOWN = 3;
/** Tokens of a window of text that are shown. */
const SHOWN_TOKENS = 48;

/** Classes, lengths and some of a job's examples. */
export function describeData(task: TaskRun): DataDescription {
  const { data, job, texts, prompts, tokenizer } = task;
  const { train, valid, classes = [] } = data;
  const lengths = tokenizer ? Array.from({ length: train.length }, (_, i) => train.lengthOf(i)) : null;
  const shown = (label: string) => texts!.filter((one) => one.label === label).slice(0, SHOWN);
  return {
    name: dataName(job.data),
    train: train.length,
    valid: valid?.length ?? 0,
    classes,
    lengths: lengths && { ...histogram(lengths), cut: countCut(task, lengths) },
    examples: texts ? classes.flatMap(({ label }) => shown(label)) : firstWindows(task),
    prompts,
  };
}

/** Counts of lengths in bins of equal width. */
function histogram(lengths: readonly number[]): Pick<NonNullable<DataDescription["lengths"]>, "bins" | "longest"> {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const width = Math.max(1, Math.ceil((longest + 1) / MOST_BINS));
  const bins = Array.from({ length: Math.ceil((longest + 1) / width) }, (_, i) => ({
    ...{ from: i * width, to: (i + 1) * width, count: 0 },
  }));
  for (const length of lengths) bins[Math.floor(length / width)].count++;
  return { bins, longest };
}

/** Texts that have more tokens than the model gets: only those of the full length can. */
function countCut({ texts, tokenizer, shown }: TaskRun, lengths: readonly number[]): number {
  if (!texts) return 0;
  return texts.filter(({ text }, i) => lengths[i] === shown.maxLength && tokenizer!.encode(text).length > lengths[i])
    .length;
}

/** The beginnings of the first windows of text; none of images. */
function firstWindows({ data: { train }, tokenizer }: TaskRun): DataDescription["examples"] {
  if (!tokenizer) return [];
  return Array.from({ length: Math.min(SHOWN, train.length) }, (_, i) => {
    const { inputIds } = train.collate([i]) as unknown as { inputIds: Int32Array };
    return { text: tokenizer.decode(inputIds.slice(0, SHOWN_TOKENS)) };
  });
}
