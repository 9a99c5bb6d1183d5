import { addTrunkLora, layerwiseGroups } from "../../finetune/index.ts";
import type { Gpu } from "../../gpu/index.ts";
import type { StagedModel } from "../../models/index.ts";
import { AdamW, type Optimizer, parsePatterns } from "../../nn/index.ts";
import { UsageError } from "../arguments.ts";
import type { FinetuneCommandOptions } from "./options.ts";
import type { TaskRun } from "./task-run.ts";

/** A model with what is frozen frozen, and the optimizer of the rest. */
export interface Trainable<Host, Inputs> {
  readonly model: StagedModel<Host, Inputs>;
  readonly optimizer: Optimizer;
  readonly headLearningRate: number;
}

/** Loads the model on a handle, a dry one too, and makes its optimizer. */
export async function makeTrainable<Host, Inputs>(
  options: FinetuneCommandOptions,
  task: TaskRun<Host, Inputs>,
  gpu: Gpu,
): Promise<Trainable<Host, Inputs>> {
  const model = await task.load(gpu);
  addAdapters(model, options);
  selectTrained(model, options, task.isNewHead);
  const headLearningRate = options.headLr ?? (task.isNewHead ? 10 * options.lr : options.lr);
  const groups = layerwiseGroups(model, {
    learningRate: options.lr,
    headLearningRate,
    decay: options.layerDecay,
    weightDecay: options.weightDecay,
  });
  return { model, optimizer: new AdamW(groups), headLearningRate };
}

function addAdapters<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  { lora: rank, loraAlpha: alpha, loraMatch, seed }: FinetuneCommandOptions,
): void {
  if (rank === undefined) return;
  try {
    addTrunkLora(model, { rank, alpha, match: loraMatch === undefined ? undefined : parsePatterns(loraMatch), seed });
  } catch (error) {
    throw new UsageError(`--lora: ${(error as Error).message}`);
  }
}

/** Freezes, then thaws, by the patterns; a pattern that matches nothing is bad usage. */
function selectTrained<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  options: FinetuneCommandOptions,
  isNewHead: boolean,
): void {
  // With adapters everything else is frozen already.
  const isAllByDefault = options.unfreeze === undefined || options.lora !== undefined;
  const freeze = options.freeze === undefined ? (isAllByDefault ? [] : ["*"]) : parsePatterns(options.freeze);
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
