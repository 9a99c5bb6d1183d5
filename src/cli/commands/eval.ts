import { formatLoss, formatPercent } from "../../finetune/format.ts";
import { type Evaluation, evaluate } from "../../finetune/index.ts";
import { describeEvaluation } from "../../finetune/summary.ts";
import { Gpu } from "../../gpu/index.ts";
import { defineCommand } from "../arguments.ts";
import { DATA_OPTIONS, encodeLabelled, encodeLanguage, LENGTH_OPTION, maximumLength, readLabelled } from "../data.ts";
import { loadFor, openFolder, openTokenizer, TASKS, taskOf } from "../model-directory.ts";
import { jsonLine } from "../render.ts";
import { printable, table } from "../text.ts";

export const evaluateCommand = defineCommand({
  name: "eval",
  description:
    "Measures a model on labelled texts or on plain text: loss and perplexity of a language model; accuracy, " +
    "precision, recall and F1 of each class and the confusion matrix of a classifier.",
  options: {
    model: { type: "string", required: true, placeholder: "DIR", description: "model directory in Hub layout" },
    task: { type: "string", choices: TASKS, description: "by default what the model was made for" },
    data: { type: "string", required: true, placeholder: "FILE", description: ".tsv, .csv, .jsonl or, for lm, .txt" },
    ...DATA_OPTIONS,
    batch: { type: "integer", default: 32, min: 1, description: "examples a batch" },
    maxLength: LENGTH_OPTION,
    json: { type: "boolean", description: "print one JSON object" },
  },
  positionals: {},
  async run({ options }, { stdout, stderr, onInterrupt }) {
    using interrupt = onInterrupt();
    const folder = await openFolder(options.model);
    const { config } = folder;
    const task = taskOf(folder, options.task);
    const tokenizer = await openTokenizer(folder);
    const maxLength = maximumLength(options.maxLength, config);
    const labels = task === "classify" ? config.labels : undefined;
    const examples = labels
      ? encodeLabelled((await readLabelled(options.data, options, labels)).examples, labels, { tokenizer, maxLength })
      : await encodeLanguage(options.data, options, { tokenizer, maxLength });
    using gpu = await Gpu.open();
    const model = await loadFor(folder, task, gpu);
    if (!options.json) stderr.write(`Adapter: ${gpu.adapter.name}\n`);
    const evaluation = await evaluate(model, examples, {
      batch: options.batch,
      padId: config.padTokenId ?? 0,
      labels,
      signal: interrupt.signal,
    });
    stdout.write(options.json ? jsonLine(evaluation) : `${renderEvaluation(evaluation)}\n`);
    return 0;
  },
});

/** The figures as text: one line, then a table of classes and the confusion matrix. */
function renderEvaluation(evaluation: Evaluation): string {
  const { classes, confusionMatrix, count, loss } = evaluation;
  if (!classes || !confusionMatrix) {
    return `${describeEvaluation(evaluation)} over ${count} tokens`;
  }
  const rows = classes.map(({ label, precision, recall, f1, support }, i) => [
    printable(label),
    formatPercent(precision),
    formatPercent(recall),
    formatPercent(f1),
    String(support),
    ...confusionMatrix[i].map(String),
  ]);
  const head = ["class", "precision", "recall", "F1", "count", ...classes.map(({ label }) => `as ${printable(label)}`)];
  const numbers = head.slice(1).map(() => "right" as const);
  const summary = `accuracy ${formatPercent(evaluation.accuracy ?? 0)}, mean F1 ${formatPercent(evaluation.macroF1 ?? 0)}, loss ${formatLoss(loss)} over ${count} examples`;
  return [summary, "", ...table([head, ...rows], ["left", ...numbers])].join("\n");
}
