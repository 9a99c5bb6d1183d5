import { addTrunkLora, layerwiseGroups } from "../../finetune/index.ts";
import type { Gpu } from "../../gpu/index.ts";
import type { StagedModel } from "../../models/index.ts";
import { AdamW, type Optimizer, parsePatterns } from "../../nn/index.ts";
import { SettingError } from "../errors.ts";
import type { FullSettings } from "../settings.ts";
import type { TaskRun } from "../tasks/task-run.ts";
import { gradualStages, trainOnly } from "./gradual.ts";

/** A model with what is frozen frozen, and the optimizer of the rest. */
export interface Trainable<Host = unknown, Inputs = unknown> {
  readonly model: StagedModel<Host, Inputs>;
  /** Over all that is trained in the end. */
  readonly optimizer: Optimizer;
  readonly headLearningRate: number;
}

/** Loads the model on a handle, a dry one too, and makes its optimizer. */
export async function makeTrainable<Host, Inputs>(
  task: TaskRun<Host, Inputs>,
  gpu: Gpu,
): Promise<Trainable<Host, Inputs>> {
  const model = await task.load(gpu);
  try {
    selectTrained(model, task);
    return { model, optimizer: makeOptimizer(model, task), headLearningRate: headRateOf(task) };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** Adapters, and what is trained by the patterns; with gradual unfreezing, all that is in the end. */
function selectTrained<Host, Inputs>(model: StagedModel<Host, Inputs>, task: TaskRun<Host, Inputs>): void {
  addAdapters(model, task.settings);
  applyPatterns(model, task.settings, task.isNewHead);
  const { gradual } = task.settings;
  if (gradual === undefined) return;
  trainOnly(model, gradualStages(model, gradual).at(-1)!);
}

/** An optimizer over what the model trains now. */
export function makeOptimizer<Host, Inputs>(model: StagedModel<Host, Inputs>, task: TaskRun<Host, Inputs>): Optimizer {
  const { lr, layerDecay, weightDecay, rates } = task.settings;
  const options = { learningRate: lr, headLearningRate: headRateOf(task), decay: layerDecay, weightDecay, rates };
  try {
    return new AdamW(layerwiseGroups(model, options));
  } catch (error) {
    throw rates === undefined ? error : new SettingError((n) => `${n("rates")}: ${(error as Error).message}`);
  }
}

const headRateOf = ({ settings: { headLr, lr }, isNewHead }: Pick<TaskRun, "settings" | "isNewHead">): number =>
  headLr ?? (isNewHead ? 10 * lr : lr);

function addAdapters<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  { lora: rank, loraAlpha: alpha, loraMatch, seed }: FullSettings,
): void {
  if (rank === undefined) return;
  try {
    addTrunkLora(model, { rank, alpha, match: loraMatch === undefined ? undefined : parsePatterns(loraMatch), seed });
  } catch (error) {
    throw new SettingError((n) => `${n("lora")}: ${(error as Error).message}`);
  }
}

/** Freezes, then thaws, by the patterns; a pattern that matches nothing is a mistake. */
function applyPatterns<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  settings: FullSettings,
  isNewHead: boolean,
): void {
  // With adapters everything else is frozen already.
  const isAllByDefault = settings.unfreeze === undefined || settings.lora !== undefined;
  const freeze = settings.freeze === undefined ? (isAllByDefault ? [] : ["*"]) : parsePatterns(settings.freeze);
  const unfreeze = parsePatterns(settings.unfreeze ?? "");
  try {
    if (freeze.length > 0) model.freeze(...freeze);
    if (unfreeze.length > 0) model.unfreeze(...unfreeze);
  } catch (error) {
    throw new SettingError(() => (error as Error).message);
  }
  if (isNewHead)
    for (const { parameters } of model.headModules) for (const tensor of parameters) tensor.requiresGrad = true;
  if (model.parameterCount({ trainable: true }) === 0)
    throw new SettingError(() => "nothing is left to train: every parameter is frozen");
}
