import { basename } from "node:path";
import {
  CHECKPOINT_FILE,
  type Evaluation,
  layerwiseGroups,
  makeSchedule,
  type ScheduleName,
  type TrainingData,
  finetune as train,
} from "../../finetune/index.ts";
import { type RunReport, renderReport } from "../../finetune/report.ts";
import { Gpu } from "../../gpu/index.ts";
import { stratifiedSplit, type Tokenizer } from "../../io/index.ts";
import { NodeDirectory } from "../../io/node/index.ts";
import { type GPT2Base, type GPT2Config, GPT2ForSequenceClassification } from "../../models/index.ts";
import { AdamW, parsePatterns } from "../../nn/index.ts";
import { defineCommand, type OptionValues, UsageError } from "../arguments.ts";
import {
  DATA_OPTIONS,
  type EncodingOptions,
  encodeLabelled,
  encodeLanguage,
  LENGTH_OPTION,
  maximumLength,
  readLabelled,
  splitLanguage,
} from "../data.ts";
import {
  checkOutput,
  loadClassifier,
  loadLanguageModel,
  type ModelFolder,
  openFolder,
  openTokenizer,
  saveModel,
  TASKS,
} from "../model-directory.ts";
import { createRenderer } from "../render.ts";
import { StageRecorder } from "../stage-recorder.ts";

const SCHEDULES = ["constant", "linear", "cosine"] as const satisfies readonly ScheduleName[];
const DEFAULT_VALID_FRACTION = 0.1;

const OPTIONS = {
  model: {
    type: "string",
    required: true,
    placeholder: "DIR",
    description: "pretrained model directory in Hub layout",
  },
  task: { type: "string", required: true, choices: TASKS, description: "classify texts, or model language" },
  data: { type: "string", required: true, placeholder: "FILE", description: ".tsv, .csv, .jsonl or, for lm, .txt" },
  valid: { type: "string", placeholder: "FILE", description: "validation data" },
  validFraction: {
    type: "number",
    min: 0,
    max: 1,
    exclusive: true,
    description: `share of --data kept for validation when there is no --valid; ${DEFAULT_VALID_FRACTION} by default`,
  },
  ...DATA_OPTIONS,
  out: { type: "string", required: true, placeholder: "DIR", description: "where model, report and checkpoints go" },
  overwrite: { type: "boolean", description: "replace a model that --out holds" },
  epochs: { type: "integer", default: 3, min: 1, description: "passes over the training data" },
  batch: { type: "integer", default: 16, min: 1, description: "examples a batch" },
  accumulate: { type: "integer", default: 1, min: 1, description: "batches whose gradients make one step" },
  maxLength: LENGTH_OPTION,
  lr: { type: "number", default: 1e-4, min: 0, exclusive: true, description: "learning rate of the last block" },
  headLr: {
    type: "number",
    min: 0,
    exclusive: true,
    description: "learning rate of the head; 10 times --lr for a new head",
  },
  layerDecay: {
    type: "number",
    default: 1,
    min: 0,
    max: 1,
    description: "factor of the rate from a block to the one below",
  },
  weightDecay: { type: "number", default: 0.01, min: 0, description: "decoupled decay of matrices" },
  warmup: { type: "number", default: 0.1, min: 0, description: "steps of rising rate, or a share of all when below 1" },
  schedule: { type: "string", choices: SCHEDULES, default: "linear", description: "the rate after the warm-up" },
  clip: { type: "number", default: 1, min: 0, description: "largest global gradient norm; 0 for none" },
  freeze: {
    type: "string",
    placeholder: "PATTERNS",
    description: "globs over checkpoint names, comma-separated: not trained",
  },
  unfreeze: {
    type: "string",
    placeholder: "PATTERNS",
    description:
      "globs of what is trained after all; without --freeze everything else is frozen. A new head is always trained",
  },
  newHead: { type: "boolean", description: "replace the head of a classifier that has other classes" },
  groupByLength: { type: "boolean", description: "batch texts of similar length: quicker, less random" },
  seed: { type: "integer", default: 42, min: 0, description: "seed of the split, the new head, shuffling and dropout" },
  maxSteps: {
    type: "integer",
    min: 1,
    description: "stop after so many steps; the schedule stays laid over all epochs",
  },
  evalEvery: { type: "integer", min: 1, description: "steps between validations; by default one an epoch" },
  checkpointEvery: { type: "integer", min: 1, description: "steps between checkpoints, besides those at validations" },
  resume: {
    type: "string",
    placeholder: "DIR",
    description:
      "go on from the checkpoint of a stopped run: its --out directory, with the options it had; --max-steps " +
      "may be another",
  },
  json: { type: "boolean", description: "print one event a line" },
} as const;

type Options = OptionValues<typeof OPTIONS>;

export const finetune = defineCommand({
  name: "finetune",
  description:
    "Fine-tunes a pretrained GPT-2 on your data: a classifier of texts with one class each, or a language model. The " +
    "best weights by validation are saved in Hub layout with the tokenizer, the config and report.html. Ctrl-C stops " +
    "after the current step and saves what there is; --resume goes on bit for bit.",
  usage: "--model DIR --task classify|lm --data FILE [--valid FILE | --valid-fraction F] --out DIR [options]",
  options: OPTIONS,
  positionals: {},
  async run({ options, given }, { stdout, now, onInterrupt }) {
    if (options.valid !== undefined && given.has("validFraction")) {
      throw new UsageError("--valid and --valid-fraction exclude each other");
    }
    if (options.warmup > 1 && !Number.isInteger(options.warmup)) {
      throw new UsageError(`--warmup: expected a whole number of steps or a share below 1, got ${options.warmup}`);
    }
    await checkOutput(options.out, options.model, options);
    using interrupt = onInterrupt();
    const folder = await openFolder(options.model);
    const tokenizer = await openTokenizer(folder);
    const resume = options.resume === undefined ? undefined : await NodeDirectory.open(options.resume);
    const data = await readData(options, folder, tokenizer);
    using gpu = await Gpu.open();
    const renderer = createRenderer(stdout, { json: options.json, now });
    renderer.note(`Adapter: ${gpu.adapter.name}`);
    const { model, isNewHead } = await loadModel(options, folder, data, gpu);
    selectTrained(model, options, isNewHead);
    const headLearningRate = options.headLr ?? (isNewHead ? 10 * options.lr : options.lr);
    const optimizer = new AdamW(
      layerwiseGroups(model, {
        learningRate: options.lr,
        headLearningRate,
        decay: options.layerDecay,
        weightDecay: options.weightDecay,
      }),
    );
    const { warmup, schedule } = options;
    const settings = reportedSettings(options, folder.config, headLearningRate);
    const output = await NodeDirectory.create(options.out);
    const recorder = new StageRecorder();
    try {
      const run = train(model, data, {
        optimizer,
        epochs: options.epochs,
        batch: options.batch,
        accumulate: options.accumulate,
        clip: options.clip || undefined,
        schedule: (totalSteps) =>
          makeSchedule(schedule, {
            totalSteps,
            warmupSteps: warmup < 1 ? Math.ceil(warmup * totalSteps) : warmup,
          }),
        groupByLength: options.groupByLength,
        seed: options.seed,
        maxSteps: options.maxSteps,
        evaluateEvery: options.evalEvery,
        evaluateFirst: true,
        padId: model.config.padTokenId ?? 0,
        signal: interrupt.signal,
        checkpoint: { directory: output, every: options.checkpointEvery },
        resume,
        modelName: basename(options.model),
        settings,
      });
      for await (const event of run) {
        renderer.event(event);
        recorder.record(event);
      }
    } finally {
      renderer.clear();
    }
    await saveModel(output, model, folder, tokenizer);
    await output.writeText("report.html", renderReport(reportOf(options, data, recorder, settings, gpu)));
    const { before, after } = recorder;
    renderer.summary({ before, after });
    renderer.note(`Saved model, tokenizer and report.html in ${options.out}`);
    if (interrupt.signal.aborted) {
      renderer.note(`Stopped on request. Go on with the same command and --resume ${options.out} (${CHECKPOINT_FILE})`);
    }
    return 0;
  },
});

interface Data extends TrainingData {
  /** Examples of each class, for the report. */
  classes?: { label: string; train: number; valid: number }[];
}

async function readData(options: Options, folder: ModelFolder, tokenizer: Tokenizer): Promise<Data> {
  const encoding = { tokenizer, maxLength: maximumLength(options.maxLength, folder.config) };
  return options.task === "classify"
    ? readLabelledData(options, folder, encoding)
    : readLanguageData(options, encoding);
}

/** Whether the model gets a head for the data's classes; else the one that it has goes on training. */
const takesNewHead = (options: Options, { task }: ModelFolder): boolean =>
  options.task === "classify" && (task !== "classify" || options.newHead);

/** The classes in the order of the head. */
function classesOf(options: Options, folder: ModelFolder, labels: readonly string[]): readonly string[] {
  if (takesNewHead(options, folder)) return labels;
  const theirs = folder.config.labels;
  if (labels.every((label) => theirs.includes(label))) return theirs;
  const list = (names: readonly string[]): string => names.slice(0, 6).join(", ") + (names.length > 6 ? ", …" : "");
  const both = `${options.model} tells ${list(theirs)} apart, ${options.data} has ${list(labels)}`;
  throw new Error(`${both}; use --new-head to give it a new head`);
}

async function readLabelledData(options: Options, folder: ModelFolder, encoding: EncodingOptions): Promise<Data> {
  const own = await readLabelled(options.data, options);
  const labels = classesOf(options, folder, own.labels);
  const { train, valid } =
    options.valid === undefined
      ? stratifiedSplit(own.examples, options.validFraction ?? DEFAULT_VALID_FRACTION, options.seed)
      : { train: own.examples, valid: (await readLabelled(options.valid, options, labels)).examples };
  const count = (examples: readonly { label: string }[], label: string): number =>
    examples.filter((one) => one.label === label).length;
  return {
    train: encodeLabelled(train, labels, encoding),
    valid: encodeLabelled(valid, labels, encoding),
    labels,
    classes: labels.map((label) => ({ label, train: count(train, label), valid: count(valid, label) })),
  };
}

async function readLanguageData(options: Options, encoding: EncodingOptions): Promise<Data> {
  const all = await encodeLanguage(options.data, options, encoding);
  return options.valid === undefined
    ? splitLanguage(all, options.validFraction ?? DEFAULT_VALID_FRACTION)
    : { train: all, valid: await encodeLanguage(options.valid, options, encoding) };
}

async function loadModel(
  options: Options,
  folder: ModelFolder,
  { labels }: Data,
  gpu: Gpu,
): Promise<{ model: GPT2Base; isNewHead: boolean }> {
  if (!labels) return { model: await loadLanguageModel(folder, gpu), isNewHead: false };
  const isNewHead = takesNewHead(options, folder);
  if (isNewHead) {
    const head = { seed: options.seed };
    const choice = { gpu, labels, head, newHead: folder.task === "classify" };
    return { model: await GPT2ForSequenceClassification.fromPretrained(folder.directory, choice), isNewHead };
  }
  return { model: await loadClassifier(folder, gpu), isNewHead };
}

/** Freezes, then thaws, by the patterns; a pattern that matches nothing is bad usage. */
function selectTrained(model: GPT2Base, options: Options, isNewHead: boolean): void {
  const freeze =
    options.freeze === undefined ? (options.unfreeze === undefined ? [] : ["*"]) : parsePatterns(options.freeze);
  const unfreeze = parsePatterns(options.unfreeze ?? "");
  try {
    if (freeze.length > 0) model.freeze(...freeze);
    if (unfreeze.length > 0) model.unfreeze(...unfreeze);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (isNewHead)
    for (const { parameters } of model.headModules) for (const tensor of parameters) tensor.requiresGrad = true;
  if (model.parameterCount({ trainable: true }) === 0)
    throw new UsageError("nothing is left to train: every parameter is frozen");
}

/** Every hyper-parameter, for the start event and the report. */
function reportedSettings(
  options: Options,
  config: GPT2Config,
  headLearningRate: number,
): Record<string, string | number | boolean | null> {
  const {
    lr,
    layerDecay,
    weightDecay,
    warmup,
    schedule,
    maxLength,
    freeze,
    unfreeze,
    validFraction,
    evalEvery,
    resume,
  } = options;
  return {
    optimizer: "AdamW",
    learningRate: lr,
    headLearningRate,
    layerDecay,
    weightDecay,
    warmup,
    schedule,
    maxLength: maximumLength(maxLength, config),
    freeze: freeze ?? null,
    unfreeze: unfreeze ?? null,
    validFraction: options.valid === undefined ? (validFraction ?? DEFAULT_VALID_FRACTION) : null,
    evalEvery: evalEvery ?? null,
    resume: resume ?? null,
  };
}

function reportOf(
  options: Options,
  data: Data,
  recorder: StageRecorder,
  settings: Record<string, string | number | boolean | null>,
  gpu: Gpu,
): RunReport {
  const after: Evaluation | null = recorder.after;
  return {
    title: `${basename(options.model)} fine-tuned on ${basename(options.data)}`,
    createdAt: new Date().toISOString(),
    adapter: gpu.adapter.name,
    model: basename(options.model),
    task: options.task,
    data: {
      source: basename(options.data),
      trainExamples: data.train.length,
      validExamples: data.valid?.length ?? 0,
      classes: data.classes,
    },
    stages: recorder.stages,
    before: recorder.before,
    after,
    samples: [],
    settings: {
      ...settings,
      epochs: options.epochs,
      batch: options.batch,
      accumulate: options.accumulate,
      clip: options.clip,
      seed: options.seed,
    },
  };
}
