import { stepsOfEpoch } from "../../finetune/examples.ts";
import { levelsOf } from "../../finetune/levels.ts";
import type { StagedModel } from "../../models/index.ts";
import { SettingError } from "../errors.ts";
import type { TaskRun } from "../tasks/task-run.ts";

/** A part of a run with gradual unfreezing. */
export interface GradualStage {
  readonly name: string;
  readonly description: string;
  /** Checkpoint names of what is trained. */
  readonly trains: readonly string[];
}

/**
 * Gradual unfreezing (Howard & Ruder 2018, arXiv:1801.06146) of what a model trains now: first the head alone, then with
 * it one level more of the trunk at a time from the top, until `levels` of them are thawed. A head that shares its weight
 * with the embeddings is not trained by itself. What is frozen stays frozen, and makes no stage.
 *
 * @throws SettingError when the trunk has fewer levels.
 */
export function gradualStages<Host, Inputs>(model: StagedModel<Host, Inputs>, levels: number): GradualStage[] {
  const { levels: found, head } = levelsOf(model, (tensor) => tensor.requiresGrad);
  if (levels > found.length) {
    const most = found.length;
    throw new SettingError((n) => `${n("gradual")} ${levels}: the model has ${most} levels that can be thawed`);
  }
  const stages: GradualStage[] = [];
  if (head.length > 0) {
    stages.push({ name: "head", description: "Trains the head alone, on a frozen trunk.", trains: head });
  }
  let trains = head;
  for (const { parts, parameters } of found.slice(0, levels)) {
    trains = [...trains, ...parameters];
    const list = parts.join(", ");
    stages.push({ name: list, description: `Goes on with ${list} besides, at the rates of their levels.`, trains });
  }
  return stages;
}

/** A stage that a run comes to. */
export interface GradualPart {
  readonly stage: GradualStage;
  /** Its place among all stages, from 0. */
  readonly index: number;
  /** Steps before it. */
  readonly done: number;
  /** Steps of it at most; undefined where the job sets no limit. */
  readonly maxSteps: number | undefined;
}

/** The stages that a job's step limit lets its run come to, and the steps of all of them. */
export function partsOf<Host, Inputs>(
  { data, settings }: Pick<TaskRun<Host, Inputs>, "data" | "settings">,
  stages: readonly GradualStage[],
): { parts: GradualPart[]; totalSteps: number } {
  const { epochs, maxSteps } = settings;
  const each = epochs * stepsOfEpoch(data.train.length, settings);
  const totalSteps = Math.min(maxSteps ?? Number.POSITIVE_INFINITY, stages.length * each);
  const parts = stages.map((stage, index) => {
    const done = index * each;
    return { stage, index, done, maxSteps: maxSteps === undefined ? undefined : Math.min(each, maxSteps - done) };
  });
  return { parts: parts.filter(({ done }) => done < totalSteps), totalSteps };
}

/** Freezes all but what a stage trains. */
export function trainOnly<Host, Inputs>(model: StagedModel<Host, Inputs>, { trains }: GradualStage): void {
  const trained = new Set(trains);
  for (const [name, tensor] of model.namedParameters()) tensor.requiresGrad = trained.has(name);
}
