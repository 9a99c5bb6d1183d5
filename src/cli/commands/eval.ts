import { formatLoss, formatPercent } from "../../finetune/format.ts";
import { type Evaluation, evaluate, type Task } from "../../finetune/index.ts";
import { describeEvaluation } from "../../finetune/summary.ts";
import { Gpu } from "../../gpu/index.ts";
import { TASKS } from "../../jobs/job.ts";
import { type ImageFolder, loadFor, openTokenizer, type TextFolder, taskOf } from "../../jobs/model-folder.ts";
import { encodeImages, loadImages, preprocessingOf } from "../../jobs/tasks/image-data.ts";
import { type Columns, encodeLabelled, encodeLanguage, maximumLength } from "../../jobs/tasks/text-data.ts";
import { defineCommand } from "../arguments.ts";
import { DATA_FORMS, DATA_OPTIONS, LENGTH_OPTION, readLabelled, readTextFile, shownPlace } from "../data.ts";
import { DownloadLine } from "../download-line.ts";
import { readLabelledImages, refuseTextOptions } from "../images.ts";
import { MODEL_OPTIONS, openFolder } from "../model-directory.ts";
import { jsonLine } from "../render.ts";
import { printable, table } from "../text.ts";
import { TUNED_OPTION, tellAdapter } from "../tuned.ts";

export const evaluateCommand = defineCommand({
  name: "eval",
  description:
    "Measures a model on labelled texts, on plain text or on images by class: loss and perplexity of a language model; " +
    "accuracy, precision, recall and F1 of each class and the confusion matrix of a classifier. Of images in train and " +
    "valid parts, the latter are taken.",
  options: {
    ...MODEL_OPTIONS,
    task: { type: "string", choices: TASKS, description: "by default what the model was made for" },
    data: { type: "string", required: true, placeholder: "FILE", description: DATA_FORMS },
    ...DATA_OPTIONS,
    batch: { type: "integer", default: 32, min: 1, description: "examples a batch" },
    maxLength: LENGTH_OPTION,
    tuned: TUNED_OPTION,
    json: { type: "boolean", description: "print one JSON object" },
  },
  positionals: {},
  async run({ options, given }, context) {
    const { stdout, stderr, env } = context;
    using interrupt = context.onInterrupt();
    using downloads = new DownloadLine(context, options);
    const folder = await openFolder(options, { env, signal: interrupt.signal, downloads });
    const task = taskOf(folder, options.task);
    if (folder.kind === "images") refuseTextOptions(given);
    const tell = async (gpu: Gpu): Promise<void> => {
      const lines = await tellAdapter(options, env, gpu);
      if (!options.json) stderr.write(lines);
    };
    const run = { ...options, signal: interrupt.signal, tell };
    const evaluation =
      folder.kind === "images" ? await evaluateImages(folder, run) : await evaluateTexts(folder, task, run);
    stdout.write(options.json ? jsonLine(evaluation) : `${renderEvaluation(evaluation)}\n`);
    return 0;
  },
});

interface Run extends Columns {
  data: string;
  batch: number;
  maxLength?: number;
  signal: AbortSignal;
  tell(gpu: Gpu): Promise<void>;
}

async function evaluateTexts(folder: TextFolder, task: Task, run: Run): Promise<Evaluation> {
  const { config } = folder;
  const encoding = { tokenizer: await openTokenizer(folder), maxLength: maximumLength(run.maxLength, config) };
  const labels = task === "classify" ? config.labels : undefined;
  const examples = labels
    ? encodeLabelled((await readLabelled(run.data, run, { labels, signal: run.signal })).examples, labels, encoding)
    : encodeLanguage(shownPlace(run.data), await readTextFile(run.data, run.signal), run, encoding);
  using gpu = await Gpu.open();
  const model = await loadFor(folder, task, gpu);
  await run.tell(gpu);
  const { batch, signal } = run;
  return await evaluate(model, examples, { batch, padId: config.padTokenId ?? 0, labels, signal });
}

async function evaluateImages(folder: ImageFolder, run: Run): Promise<Evaluation> {
  const { labels } = folder.description;
  const preprocessing = preprocessingOf(folder);
  const data = await readLabelledImages(run.data, preprocessing, { labels, signal: run.signal });
  const examples = encodeImages((data.valid ?? data.train).examples, labels, { preprocessing });
  using gpu = await Gpu.open();
  const model = await loadImages(folder, gpu);
  await run.tell(gpu);
  return await evaluate(model, examples, { batch: run.batch, labels, signal: run.signal });
}

/** A model with more classes is told by those that occur, without the confusion matrix. */
const MATRIX_CLASSES = 20;

/** The figures as text: one line, then a table of classes and the confusion matrix. */
export function renderEvaluation(evaluation: Evaluation): string {
  const { classes, confusionMatrix, count, loss } = evaluation;
  if (!classes || !confusionMatrix) {
    return `${describeEvaluation(evaluation)} over ${count} tokens`;
  }
  const isMany = classes.length > MATRIX_CLASSES;
  const occurs = (i: number): boolean => classes[i].support > 0 || confusionMatrix.some((row) => row[i] > 0);
  const shown = classes.map((_, i) => i).filter((i) => !isMany || occurs(i));
  const rows = shown.map((i) => {
    const { label, precision, recall, f1, support } = classes[i];
    const figures = [precision, recall, f1].map((ratio) => formatPercent(ratio));
    return [printable(label), ...figures, String(support), ...(isMany ? [] : confusionMatrix[i].map(String))];
  });
  const columns = isMany ? [] : classes.map(({ label }) => `as ${printable(label)}`);
  const head = ["class", "precision", "recall", "F1", "count", ...columns];
  const numbers = head.slice(1).map(() => "right" as const);
  const summary = `accuracy ${formatPercent(evaluation.accuracy ?? 0)}, mean F1 ${formatPercent(evaluation.macroF1 ?? 0)}, loss ${formatLoss(loss)} over ${count} examples`;
  const rest = isMany
    ? ["", `${shown.length} of ${classes.length} classes occur; --json has all, and the confusion matrix.`]
    : [];
  return [summary, "", ...table([head, ...rows], ["left", ...numbers]), ...rest].join("\n");
}
