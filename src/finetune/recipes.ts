import type { StagedModel } from "../models/index.ts";
import { AdamW } from "../nn/index.ts";
import { requireList, requireObject } from "../tensor/require-kind.ts";
import { requireData, requireModel } from "./checks.ts";
import type { TrainingEvent } from "./events.ts";
import { stepsOfEpoch } from "./examples.ts";
import { finetune } from "./finetune.ts";
import { layerwiseGroups } from "./groups.ts";
import { levelsOf } from "./levels.ts";
import { triangularSchedule } from "./schedule.ts";
import type { FinetuneOptions } from "./trainer.ts";
import type { Examples, TrainingData } from "./training-data.ts";

/** One part of a recipe: what is trained, for how long, how fast. */
export interface RecipeStage {
  name: string;
  description: string;
  /** Globs of what is trained; everything else is frozen. */
  trains: readonly string[];
  epochs: number;
  learningRate: number;
  /** Learning rate of the head, by default the same. */
  headLearningRate?: number;
  /** Factor of the learning rate from a block to the one below. */
  layerDecay?: number;
}

/** Lengths and rates of the two stages of {@link headThenBlocks}. */
export interface HeadThenBlocksOptions {
  /** Epochs with only the head trained. */
  headEpochs: number;
  /** Epochs with the upper blocks trained too. */
  epochs: number;
  /** Blocks to thaw, counted from the top, with the norms that belong to them; below the last are the embeddings or the stem. */
  blocks: number;
  /** Learning rate of the head while it is alone. */
  headLearningRate: number;
  /** Learning rate of the uppermost block, and of the head with it. */
  learningRate: number;
  /** Factor of the learning rate from a block to the one below. */
  layerDecay: number;
}

/**
 * First the head on a frozen trunk, then the last blocks too, at a lower, per-layer rate. A stage without epochs is left
 * out, and so is the first where the head has no weights but those of the embeddings.
 *
 * @throws RangeError when there are not so many blocks.
 */
export function headThenBlocks<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  options: HeadThenBlocksOptions,
): RecipeStage[] {
  requireModel("headThenBlocks", model);
  requireObject("headThenBlocks", options, "options { headEpochs, epochs, blocks, headLearningRate, learningRate, … }");
  const { headEpochs, epochs, blocks, headLearningRate, learningRate, layerDecay } = options;
  const { levels, head } = levelsOf(model);
  if (!(Number.isInteger(blocks) && blocks >= 1 && blocks <= levels.length)) {
    throw new RangeError(`headThenBlocks: blocks must be a whole number from 1 to ${levels.length}, got ${blocks}`);
  }
  const thawed = levels.slice(0, blocks).reverse();
  const parts = thawed.flatMap((level) => level.parts).join(", ");
  const withHead = head.length > 0 ? `${parts} and the head` : parts;
  const count = blocks === 1 ? "last block" : `last ${blocks} blocks`;
  return [
    {
      name: "head",
      description: "Trains the new head alone, on a frozen trunk.",
      trains: head,
      epochs: headEpochs,
      learningRate: headLearningRate,
    },
    {
      name: count,
      description: `Goes on with ${withHead}, at a reduced rate that falls with depth.`,
      trains: [...head, ...thawed.flatMap(({ parameters }) => parameters)],
      epochs,
      learningRate,
      layerDecay,
    },
  ].filter((stage) => stage.epochs > 0 && stage.trains.length > 0);
}

/** What the stages of a recipe have in common. */
export interface RecipeOptions
  extends Omit<
    FinetuneOptions,
    "optimizer" | "epochs" | "maxSteps" | "resume" | "checkpoint" | "evaluateFirst" | "schedule"
  > {
  weightDecay?: number;
}

/** Runs the stages of a recipe one after another as one stream; steps count on from stage to stage. */
export async function* runRecipe<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  data: TrainingData<Examples<Host>>,
  stages: readonly RecipeStage[],
  options: RecipeOptions,
): AsyncGenerator<TrainingEvent, void> {
  requireModel("runRecipe", model);
  requireData("runRecipe", data);
  requireList("runRecipe", stages, "stages in an array, as headThenBlocks gives");
  requireObject("runRecipe", options, "options such as { batch: 16 }");
  const { weightDecay = 0.01 } = options;
  const stepsOf = (stage: RecipeStage): number => stage.epochs * stepsOfEpoch(data.train.length, options);
  const totalSteps = stages.reduce((sum, stage) => sum + stepsOf(stage), 0);
  let done = 0;
  for (const [index, stage] of stages.entries()) {
    if (options.signal?.aborted) return;
    const { name, description, trains, learningRate, headLearningRate, layerDecay: decay } = stage;
    model.freeze().unfreeze(...trains);
    yield { type: "stage", name, index: index + 1, count: stages.length, description };
    const optimizer = new AdamW(layerwiseGroups(model, { learningRate, headLearningRate, decay, weightDecay }));
    try {
      const run = finetune(model, data, {
        ...options,
        optimizer,
        epochs: stage.epochs,
        evaluateFirst: index === 0,
        schedule: (steps) => triangularSchedule({ totalSteps: steps }),
      });
      for await (const event of run) yield shiftSteps(event, done, totalSteps);
    } finally {
      optimizer.dispose();
    }
    done += stepsOf(stage);
  }
}

/** Counts a stage's steps on from those of the stages before. */
export function shiftSteps(event: TrainingEvent, done: number, totalSteps: number): TrainingEvent {
  if (event.type === "evaluation" || event.type === "checkpoint") return { ...event, step: done + event.step };
  if (event.type === "end") return { ...event, bestStep: event.bestStep === null ? null : done + event.bestStep };
  if (event.type !== "step") return event;
  // What later stages take is not known yet: an estimate is given in the last one only.
  const isLastStage = done + event.totalSteps >= totalSteps;
  return { ...event, step: done + event.step, totalSteps, secondsLeft: isLastStage ? event.secondsLeft : null };
}
