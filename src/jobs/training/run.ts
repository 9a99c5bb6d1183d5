import { readCheckpointState } from "../../finetune/checkpoint.ts";
import type { Task, TrainingEvent } from "../../finetune/events.ts";
import { type FinetuneOptions, makeSchedule, finetune as train } from "../../finetune/index.ts";
import { shiftSteps } from "../../finetune/recipes.ts";
import type { Settings } from "../../finetune/report.ts";
import type { ModelDirectory, OutputDirectory } from "../../io/index.ts";
import { modelName } from "../job.ts";
import type { TaskRun } from "../tasks/task-run.ts";
import { type GradualStage, gradualStages, partsOf, trainOnly } from "./gradual.ts";
import { makeOptimizer, type Trainable } from "./trainable.ts";

export interface RunOptions extends Pick<FinetuneOptions, "signal" | "between"> {
  /** Where checkpoints go. */
  checkpoint?: OutputDirectory;
  /** Takes the error of a checkpoint that cannot be written, and the run goes on; what it throws ends the run. */
  onCheckpointFailure?: (error: unknown) => Promise<void> | void;
  /** Directory of a checkpoint to go on from. */
  resume?: ModelDirectory;
  /** Every hyper-parameter as it is shown. */
  shown: Settings;
}

/** What of a job the trainer takes, whatever is trained. */
function trainerOptions<Host, Inputs>(
  { job, task, settings }: TaskRun<Host, Inputs>,
  { signal, between, checkpoint, onCheckpointFailure: onFailure, shown }: RunOptions,
): Omit<FinetuneOptions, "optimizer"> & { task: Task } {
  const { epochs, batch, accumulate, clip, schedule, warmup, groupByLength, checkpointBlocks } = settings;
  const { noCapture, seed, evalEvery, evalBatch, checkpointEvery } = settings;
  return {
    ...{ epochs, batch, accumulate, clip: clip || undefined, groupByLength, checkpointBlocks, seed, task },
    ...{ capture: !noCapture, rehearse: false, evaluateEvery: evalEvery, evaluationBatch: evalBatch },
    schedule: (totalSteps) =>
      makeSchedule(schedule, {
        totalSteps,
        warmupSteps: warmup < 1 ? Math.ceil(warmup * totalSteps) : warmup,
      }),
    checkpoint: checkpoint && { directory: checkpoint, every: checkpointEvery, onFailure },
    modelName: modelName(job.model),
    settings: shown,
    ...{ signal, between },
  };
}

/** Trains a job's model. The events are the trainer's; with gradual unfreezing, those of its stages as one run. */
export async function* trainTask<Host, Inputs>(
  task: TaskRun<Host, Inputs>,
  { model, optimizer }: Trainable<Host, Inputs>,
  options: RunOptions,
): AsyncGenerator<TrainingEvent, void> {
  const { maxSteps, gradual } = task.settings;
  if (gradual === undefined) {
    const own = trainerOptions(task, options);
    yield* train(model, task.data, { ...own, optimizer, maxSteps, resume: options.resume, evaluateFirst: true });
    return;
  }
  optimizer.dispose();
  yield* trainGradually(task, model, gradualStages(model, gradual), options);
}

/** Keys of a checkpoint's fingerprint for the stage that it belongs to, and for what came before that. */
const STAGE_KEY = "the stage of the recipe";
const BEFORE_KEY = "steps before the stage of";
const stageKey = (index: number, count: number): string => `${index + 1} of ${count}`;

/** Steps that a checkpoint's run had taken, those of earlier stages included; null when there is no checkpoint. */
export async function stepsInCheckpoint(directory: ModelDirectory): Promise<number | null> {
  const state = await readCheckpointState(directory);
  return state && Number(state.fingerprint[BEFORE_KEY] ?? 0) + state.step;
}

async function* trainGradually<Host, Inputs>(
  task: TaskRun<Host, Inputs>,
  model: Trainable<Host, Inputs>["model"],
  stages: readonly GradualStage[],
  options: RunOptions,
): AsyncGenerator<TrainingEvent, void> {
  const { resume, signal, between } = options;
  const { parts, totalSteps } = partsOf(task, stages);
  const stopped = resume && (await readCheckpointState(resume))?.fingerprint[STAGE_KEY];
  const first = stages.findIndex((_, index) => stageKey(index, stages.length) === stopped);
  for (const { stage, index, done, maxSteps } of parts) {
    // What an earlier stage has trained, a later one trains too, and so it is in its checkpoints.
    if (index < first) continue;
    if (index > 0 && signal?.aborted) return;
    const { name, description } = stage;
    trainOnly(model, stage);
    yield { type: "stage", name, index: index + 1, count: stages.length, description };
    const optimizer = makeOptimizer(model, task);
    try {
      const run = train(model, task.data, {
        ...trainerOptions(task, options),
        optimizer,
        maxSteps,
        resume: resume && index === Math.max(first, 0) ? resume : undefined,
        evaluateFirst: index === 0,
        fingerprint: { [STAGE_KEY]: stageKey(index, stages.length), [BEFORE_KEY]: done },
        between:
          between &&
          ((keep) =>
            between(async () => {
              const kept = await keep();
              return kept && { ...kept, step: done + kept.step };
            })),
      });
      for await (const event of run) yield shiftSteps(event, done, totalSteps);
    } finally {
      optimizer.dispose();
    }
  }
}
