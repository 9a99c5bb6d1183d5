import type { ScheduleName } from "../../finetune/index.ts";
import { type OptionDefinitions, type OptionValues, UsageError } from "../arguments.ts";
import { DATA_FORMS, DATA_OPTIONS, LENGTH_OPTION } from "../data.ts";
import { IMAGE_OPTIONS } from "../images.ts";
import { TASKS } from "../model-directory.ts";
import { TUNED_OPTION } from "../tuned.ts";

const SCHEDULES = ["constant", "linear", "cosine"] as const satisfies readonly ScheduleName[];
export const DEFAULT_VALID_FRACTION = 0.1;

export const FINETUNE_OPTIONS = {
  model: {
    type: "string",
    required: true,
    placeholder: "DIR",
    description: "pretrained model directory in Hub layout",
  },
  task: {
    type: "string",
    required: true,
    choices: TASKS,
    description: "classify texts, model language, or classify images",
  },
  data: {
    type: "string",
    required: true,
    placeholder: "FILE",
    description: DATA_FORMS,
  },
  valid: { type: "string", placeholder: "FILE", description: "validation data" },
  validFraction: {
    type: "number",
    min: 0,
    max: 1,
    exclusive: true,
    description: `share of --data kept for validation when there is no --valid; ${DEFAULT_VALID_FRACTION} by default`,
  },
  ...DATA_OPTIONS,
  ...IMAGE_OPTIONS,
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
  lora: {
    type: "integer",
    min: 1,
    placeholder: "RANK",
    description: "train low-rank adapters beside the linear layers of the trunk, which are merged into them at the end",
  },
  loraAlpha: {
    type: "number",
    min: 0,
    exclusive: true,
    description: "what the adapters are worth, over the rank; twice --lora by default",
  },
  loraMatch: {
    type: "string",
    placeholder: "PATTERNS",
    description: "globs over names of linear layers that get an adapter; all of the trunk by default",
  },
  newHead: { type: "boolean", description: "replace the head of a classifier that has other classes" },
  groupByLength: { type: "boolean", description: "batch texts of similar length: quicker, less random" },
  seed: {
    type: "integer",
    default: 42,
    min: 0,
    description: "seed of the split, the new head, shuffling, dropout and augmentation",
  },
  maxSteps: {
    type: "integer",
    min: 1,
    description: "stop after so many steps; the schedule stays laid over all epochs",
  },
  evalEvery: { type: "integer", min: 1, description: "steps between validations; by default one an epoch" },
  evalBatch: { type: "integer", default: 32, min: 1, description: "examples a batch of a validation" },
  checkpointEvery: { type: "integer", min: 1, description: "steps between checkpoints, besides those at validations" },
  resume: {
    type: "string",
    placeholder: "DIR",
    description:
      "go on from the checkpoint of a stopped run: its --out directory, with the options it had; --max-steps " +
      "may be another",
  },
  checkpointBlocks: {
    type: "boolean",
    description: "keep less for the backward pass and compute it again: less memory, about a third more work",
  },
  noCapture: {
    type: "boolean",
    description:
      "run every step's code anew instead of replaying what a step of its shapes recorded: same bits, slower",
  },
  plan: {
    type: "boolean",
    description: "print what the training would take and whether it fits this adapter; nothing is run or written",
  },
  tuned: TUNED_OPTION,
  json: { type: "boolean", description: "print one event a line" },
} as const satisfies OptionDefinitions;

export type FinetuneCommandOptions = OptionValues<typeof FINETUNE_OPTIONS>;
export type Given = ReadonlySet<keyof FinetuneCommandOptions>;

const flagOf = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** @throws UsageError for options that exclude each other or belong to another task. */
export function checkOptions(options: FinetuneCommandOptions, given: Given): void {
  if (options.valid !== undefined && given.has("validFraction")) {
    throw new UsageError("--valid and --valid-fraction exclude each other");
  }
  for (const name of ["loraAlpha", "loraMatch"] as const) {
    if (given.has(name) && options.lora === undefined) throw new UsageError(`--${flagOf(name)} goes with --lora`);
  }
  if (options.warmup > 1 && !Number.isInteger(options.warmup)) {
    throw new UsageError(`--warmup: expected a whole number of steps or a share below 1, got ${options.warmup}`);
  }
}
