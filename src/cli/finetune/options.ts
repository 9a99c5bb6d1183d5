import { TASKS } from "../../jobs/job.ts";
import { DEFAULT_VALID_FRACTION, NUMBERS, SCHEDULES } from "../../jobs/settings.ts";
import type { OptionDefinitions, OptionValues } from "../arguments.ts";
import { DATA_FORMS, DATA_OPTIONS, LENGTH_OPTION } from "../data.ts";
import { IMAGE_OPTIONS } from "../images.ts";
import { MODEL_FORMS, MODEL_OPTIONS } from "../model-directory.ts";
import { TUNED_OPTION } from "../tuned.ts";

export const FINETUNE_OPTIONS = {
  model: { ...MODEL_OPTIONS.model, description: `pretrained model: ${MODEL_FORMS}` },
  revision: MODEL_OPTIONS.revision,
  refresh: MODEL_OPTIONS.refresh,
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
    ...NUMBERS.validFraction,
    description: `share of --data kept for validation when there is no --valid; ${DEFAULT_VALID_FRACTION} by default`,
  },
  ...DATA_OPTIONS,
  ...IMAGE_OPTIONS,
  out: { type: "string", required: true, placeholder: "DIR", description: "where model, report and checkpoints go" },
  overwrite: { type: "boolean", description: "replace a model that --out holds" },
  epochs: { ...NUMBERS.epochs, description: "passes over the training data" },
  batch: { ...NUMBERS.batch, description: "examples a batch" },
  accumulate: { ...NUMBERS.accumulate, description: "batches whose gradients make one step" },
  maxLength: LENGTH_OPTION,
  lr: { ...NUMBERS.lr, description: "learning rate of the last block" },
  headLr: { ...NUMBERS.headLr, description: "learning rate of the head; 10 times --lr for a new head" },
  layerDecay: { ...NUMBERS.layerDecay, description: "factor of the rate from a block to the one below" },
  rates: {
    type: "string",
    placeholder: "PATTERN=X,…",
    description: "learning rates of parts of the model, by globs over checkpoint names; the first that matches counts",
  },
  weightDecay: { ...NUMBERS.weightDecay, description: "decoupled decay of matrices" },
  warmup: { ...NUMBERS.warmup, description: "steps of rising rate, or a share of all when below 1" },
  schedule: { type: "string", choices: SCHEDULES, default: "linear", description: "the rate after the warm-up" },
  clip: { ...NUMBERS.clip, description: "largest global gradient norm; 0 for none" },
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
  gradual: {
    ...NUMBERS.gradual,
    description:
      "gradual unfreezing: --epochs passes with the head alone, then as many with each of N levels thawed from the top",
  },
  lora: {
    ...NUMBERS.lora,
    placeholder: "RANK",
    description: "train low-rank adapters beside the linear layers of the trunk, which are merged into them at the end",
  },
  loraAlpha: {
    ...NUMBERS.loraAlpha,
    description: "what the adapters are worth, over the rank; twice --lora by default",
  },
  loraMatch: {
    type: "string",
    placeholder: "PATTERNS",
    description: "globs over names of linear layers that get an adapter; all of the trunk by default",
  },
  newHead: { type: "boolean", description: "replace the head of a classifier that has other classes" },
  groupByLength: { type: "boolean", description: "batch texts of similar length: quicker, less random" },
  seed: { ...NUMBERS.seed, description: "seed of the split, the new head, shuffling, dropout and augmentation" },
  maxSteps: { ...NUMBERS.maxSteps, description: "stop after so many steps; the schedule stays laid over all epochs" },
  evalEvery: { ...NUMBERS.evalEvery, description: "steps between validations; by default one an epoch" },
  evalBatch: { ...NUMBERS.evalBatch, description: "examples a batch of a validation" },
  checkpointEvery: {
    ...NUMBERS.checkpointEvery,
    description: "steps between checkpoints, besides those at validations",
  },
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
