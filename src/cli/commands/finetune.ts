import { basename } from "node:path";
import { CHECKPOINT_FILE, makeSchedule, finetune as train } from "../../finetune/index.ts";
import { refuse } from "../../finetune/plan/plan.ts";
import { type RunReport, renderReport, type Settings } from "../../finetune/report.ts";
import { Gpu } from "../../gpu/index.ts";
import { NodeDirectory } from "../../io/node/index.ts";
import { mergeLora } from "../../nn/index.ts";
import { defineCommand } from "../arguments.ts";
import type { CommandContext } from "../context.ts";
import { prepareImages } from "../finetune/images.ts";
import { checkOptions, FINETUNE_OPTIONS, type FinetuneCommandOptions } from "../finetune/options.ts";
import { describePlan, planTask } from "../finetune/planning.ts";
import type { TaskRun } from "../finetune/task-run.ts";
import { prepareTexts } from "../finetune/texts.ts";
import { makeTrainable } from "../finetune/trainable.ts";
import { checkOutput, openFolder, requireImages, requireTexts } from "../model-directory.ts";
import { createRenderer, jsonLine } from "../render.ts";
import { StageRecorder } from "../stage-recorder.ts";
import { useTuned } from "../tuned.ts";

export const finetune = defineCommand({
  name: "finetune",
  description:
    "Fine-tunes a pretrained model on your data: a GPT-2 as a classifier of texts with one class each or as a language " +
    "model, or a CNN as a classifier of images. Classes that an image model does not know give it a new head. The best " +
    "weights by validation are saved as they were loaded, with tokenizer or preprocessing, config and report.html. " +
    "Ctrl-C stops after the current step and saves what there is; --resume goes on bit for bit.",
  usage: "--model DIR --task TASK --data FILE|DIR [--valid FILE|DIR | --valid-fraction F] --out DIR [options]",
  options: FINETUNE_OPTIONS,
  positionals: {},
  async run({ options, given }, context) {
    checkOptions(options, given);
    if (!options.plan) await checkOutput(options.out, options.model, options);
    using interrupt = context.onInterrupt();
    const folder = await openFolder(options.model);
    const { signal } = interrupt;
    // Awaited here: when the function returns, the interrupt is given back and Ctrl-C ends the process.
    return await (options.task === "image-classify"
      ? runTask(options, () => prepareImages(options, given, requireImages(folder)), signal, context)
      : runTask(options, () => prepareTexts(options, given, requireTexts(folder)), signal, context));
  },
});

async function runTask<Host, Inputs>(
  options: FinetuneCommandOptions,
  prepare: () => Promise<TaskRun<Host, Inputs>>,
  signal: AbortSignal,
  { stdout, env, now }: CommandContext,
): Promise<number> {
  const resume = options.resume === undefined ? undefined : await NodeDirectory.open(options.resume);
  const task = await prepare();
  using gpu = await Gpu.open();
  const renderer = createRenderer(stdout, { json: options.json, now });
  renderer.note(`Adapter: ${gpu.adapter.name}`);
  if (options.tuned) renderer.note(await useTuned(env, gpu));
  for (const note of task.notes) renderer.note(note);
  const planned = await planTask(options, task, gpu);
  if (options.plan) {
    stdout.write(options.json ? jsonLine(planned.plan) : `${describePlan(planned.plan, task.task).join("\n")}\n`);
    return 0;
  }
  if (!planned.plan.fits) refuse(planned.plan);
  // Kernels are compiled while the weights are read.
  const [{ model, optimizer, headLearningRate }] = await Promise.all([
    makeTrainable(options, task, gpu),
    gpu.warmUp(planned.kernels),
  ]);
  const { warmup, schedule } = options;
  const settings = reportedSettings(options, task, headLearningRate);
  const output = await NodeDirectory.create(options.out);
  const recorder = new StageRecorder();
  try {
    const run = train(model, task.data, {
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
      checkpointBlocks: options.checkpointBlocks,
      capture: !options.noCapture,
      rehearse: false,
      seed: options.seed,
      maxSteps: options.maxSteps,
      evaluateEvery: options.evalEvery,
      evaluationBatch: options.evalBatch,
      evaluateFirst: true,
      signal,
      checkpoint: { directory: output, every: options.checkpointEvery },
      resume,
      task: task.task,
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
  mergeLora(model);
  const saved = await task.save(output, model);
  await output.writeText("report.html", renderReport(reportOf(options, task, recorder, settings, gpu)));
  const { before, after } = recorder;
  renderer.summary({ before, after });
  renderer.note(`Saved ${saved} and report.html in ${options.out}`);
  if (signal.aborted) {
    renderer.note(`Stopped on request. Go on with the same command and --resume ${options.out} (${CHECKPOINT_FILE})`);
  }
  return 0;
}

/** Every hyper-parameter, for the start event and the report. */
function reportedSettings<Host, Inputs>(
  options: FinetuneCommandOptions,
  task: TaskRun<Host, Inputs>,
  headLearningRate: number,
): Settings {
  const { lr, layerDecay, weightDecay, warmup, schedule, freeze, unfreeze, evalEvery, resume } = options;
  const { lora, loraAlpha, loraMatch } = options;
  return {
    optimizer: "AdamW",
    learningRate: lr,
    headLearningRate,
    layerDecay,
    weightDecay,
    warmup,
    schedule,
    ...task.settings,
    freeze: freeze ?? null,
    unfreeze: unfreeze ?? null,
    ...(lora === undefined ? {} : { lora, loraAlpha: loraAlpha ?? 2 * lora, loraMatch: loraMatch ?? null }),
    validFraction: task.validFraction,
    evalEvery: evalEvery ?? null,
    resume: resume ?? null,
  };
}

function reportOf<Host, Inputs>(
  options: FinetuneCommandOptions,
  { task, data }: TaskRun<Host, Inputs>,
  recorder: StageRecorder,
  settings: Settings,
  gpu: Gpu,
): RunReport {
  return {
    title: `${basename(options.model)} fine-tuned on ${basename(options.data)}`,
    createdAt: new Date().toISOString(),
    adapter: gpu.adapter.name,
    model: basename(options.model),
    task,
    data: {
      source: basename(options.data),
      trainExamples: data.train.length,
      validExamples: data.valid?.length ?? 0,
      classes: data.classes,
    },
    stages: recorder.stages,
    before: recorder.before,
    after: recorder.after,
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
