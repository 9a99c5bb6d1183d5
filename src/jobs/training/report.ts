import type { RunReport, Settings } from "../../finetune/report.ts";
import type { Gpu } from "../../gpu/index.ts";
import { dataName, modelName } from "../job.ts";
import type { TaskRun } from "../tasks/task-run.ts";
import type { Samples } from "./samples.ts";
import type { StageRecorder } from "./stage-recorder.ts";
import type { Trainable } from "./trainable.ts";

/** Every hyper-parameter, for the start event and the report. */
export function shownSettings<Host, Inputs>(
  { settings, shown, validFraction }: TaskRun<Host, Inputs>,
  { headLearningRate }: Pick<Trainable, "headLearningRate">,
  resume: string | null = null,
): Settings {
  const { lr, layerDecay, weightDecay, warmup, schedule, freeze, unfreeze, gradual, rates, evalEvery } = settings;
  const { lora, loraAlpha, loraMatch } = settings;
  return {
    optimizer: "AdamW",
    learningRate: lr,
    headLearningRate,
    layerDecay,
    weightDecay,
    warmup,
    schedule,
    ...shown,
    freeze: freeze ?? null,
    unfreeze: unfreeze ?? null,
    ...(rates === undefined ? {} : { rates: ratesText(rates) }),
    ...(gradual === undefined ? {} : { gradual }),
    ...(lora === undefined ? {} : { lora, loraAlpha: loraAlpha ?? 2 * lora, loraMatch: loraMatch ?? null }),
    validFraction,
    evalEvery: evalEvery ?? null,
    resume,
  };
}

/** Rates by pattern in one line, as the command line takes them. */
export const ratesText = (rates: Readonly<Record<string, number>>): string =>
  Object.entries(rates)
    .map(([pattern, rate]) => `${pattern}=${rate}`)
    .join(",");

/** The report of a run that was recorded. */
export function reportOf<Host, Inputs>(
  { job, task, data, settings }: TaskRun<Host, Inputs>,
  recorder: StageRecorder,
  shown: Settings,
  gpu: Gpu,
  samples: Samples,
): RunReport {
  const { epochs, batch, accumulate, clip, seed } = settings;
  return {
    title: `${modelName(job.model)} fine-tuned on ${dataName(job.data)}`,
    createdAt: new Date().toISOString(),
    adapter: gpu.adapter.name,
    model: modelName(job.model),
    task,
    data: {
      source: dataName(job.data),
      trainExamples: data.train.length,
      validExamples: data.valid?.length ?? 0,
      classes: data.classes,
    },
    stages: recorder.stages,
    before: recorder.before,
    after: recorder.after,
    ...samples,
    settings: { ...shown, epochs, batch, accumulate, clip, seed },
  };
}
