import { CHECKPOINT_FILE } from "../../finetune/index.ts";
import { refuse } from "../../finetune/plan/plan.ts";
import { renderReport } from "../../finetune/report.ts";
import { Gpu } from "../../gpu/index.ts";
import { NodeDirectory } from "../../io/node/index.ts";
import { checkJob } from "../../jobs/check.ts";
import type { FineTuneJob } from "../../jobs/job.ts";
import { prepareJob } from "../../jobs/tasks/prepare.ts";
import { planTask } from "../../jobs/training/planning.ts";
import { reportOf, shownSettings } from "../../jobs/training/report.ts";
import { trainTask } from "../../jobs/training/run.ts";
import { askedAhead, asking, takeSamples } from "../../jobs/training/samples.ts";
import { StageRecorder } from "../../jobs/training/stage-recorder.ts";
import { makeTrainable } from "../../jobs/training/trainable.ts";
import { mergeLora } from "../../nn/index.ts";
import { defineCommand } from "../arguments.ts";
import type { CommandContext } from "../context.ts";
import { DownloadLine } from "../download-line.ts";
import { describeClasses } from "../finetune/classes.ts";
import { describeContinuations } from "../finetune/continuations.ts";
import { jobOf, readerOf } from "../finetune/job.ts";
import { FINETUNE_OPTIONS, type FinetuneCommandOptions } from "../finetune/options.ts";
import { describePlan } from "../finetune/planning.ts";
import { checkOutput } from "../model-directory.ts";
import { createRenderer, jsonLine } from "../render.ts";
import { useTuned } from "../tuned.ts";

export const finetune = defineCommand({
  name: "finetune",
  description:
    "Fine-tunes a pretrained model on your data: a GPT-2 as a classifier of texts with one class each or as a language " +
    "model, or a CNN as a classifier of images. Classes that an image model does not know give it a new head. The best " +
    "weights by validation are saved as they were loaded, with tokenizer or preprocessing, config and report.html. " +
    "Ctrl-C stops after the current step and saves what there is; --resume goes on bit for bit.",
  usage: "--model MODEL --task TASK --data FILE|DIR [--valid FILE|DIR | --valid-fraction F] --out DIR [options]",
  options: FINETUNE_OPTIONS,
  positionals: {},
  async run({ options, given }, context) {
    const job = await jobOf(options, given);
    checkJob(job);
    if (!options.plan) await checkOutput(options.out, options.model, options);
    using interrupt = context.onInterrupt();
    // Awaited here: when the function returns, the interrupt is given back and Ctrl-C ends the process.
    return await runJob(job, options, interrupt.signal, context);
  },
});

async function runJob(
  job: FineTuneJob,
  options: FinetuneCommandOptions,
  signal: AbortSignal,
  context: CommandContext,
): Promise<number> {
  const { stdout, env, now } = context;
  using downloads = new DownloadLine(context, options);
  const resume = options.resume === undefined ? undefined : await NodeDirectory.open(options.resume);
  const task = await prepareJob(job, readerOf(options, { env, signal, downloads }));
  using gpu = await Gpu.open();
  const renderer = createRenderer(stdout, { json: options.json, now });
  renderer.note(`Adapter: ${gpu.adapter.name}`);
  if (options.tuned) renderer.note(await useTuned(env, gpu));
  if (task.task === "image-classify") renderer.note(describeClasses(task));
  const planned = await planTask(task, gpu);
  if (options.plan) {
    const { plan, stage } = planned;
    stdout.write(options.json ? jsonLine({ ...plan, stage }) : `${describePlan(planned, task.task).join("\n")}\n`);
    return 0;
  }
  if (!planned.plan.fits) refuse(planned.plan);
  // Kernels are compiled while the weights are read.
  const [trainable] = await Promise.all([makeTrainable(task, gpu), gpu.warmUp(planned.kernels)]);
  const shown = shownSettings(task, trainable, options.resume);
  const output = await NodeDirectory.create(options.out);
  // The model of a run that goes on is not the one that it began with.
  const before = resume ? null : await askedAhead(task, trainable.model, signal);
  const recorder = new StageRecorder();
  try {
    for await (const event of trainTask(task, trainable, { checkpoint: output, resume, signal, shown })) {
      renderer.event(event);
      recorder.record(event);
    }
  } finally {
    renderer.clear();
  }
  mergeLora(trainable.model);
  const saved = await task.save(output, trainable.model);
  const samples = await takeSamples(task, asking(task, trainable.model), before);
  await output.writeText("report.html", renderReport(reportOf(task, recorder, shown, gpu, samples)));
  renderer.summary({ before: recorder.before, after: recorder.after });
  const { continuations = [] } = samples;
  if (continuations.length > 0) renderer.note(describeContinuations(continuations).join("\n"));
  renderer.note(`Saved ${saved} and report.html in ${options.out}`);
  if (signal.aborted) {
    renderer.note(`Stopped on request. Go on with the same command and --resume ${options.out} (${CHECKPOINT_FILE})`);
  }
  return 0;
}
