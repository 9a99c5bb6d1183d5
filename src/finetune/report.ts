import type { Evaluation, StartEvent, Task, TrainingEvent } from "./events.ts";
import { formatBytes, formatCount, formatDuration, formatPercent, formatSteps, unitsOf } from "./format.ts";
import { drawCurves } from "./report/curves.ts";
import { html, isolated, type Markup } from "./report/html.ts";
import {
  cacheSection,
  confusionSection,
  metricsSection,
  samplesSection,
  settingsSection,
  stagesSection,
} from "./report/sections.ts";
import { STYLE } from "./report/style.ts";
import { metricRows, positiveClass, totals } from "./summary.ts";

/** A label that the model gave, and how sure it was: from 0 to 1. */
export interface Prediction {
  readonly label: string;
  readonly probability: number;
}

/** An example of the validation set, before and after training. */
export interface ReportSample {
  /** A text; of an image what it is called. */
  readonly text: string;
  /** The image itself, small, as a `data:` address. */
  readonly picture?: string;
  /** The true label. */
  readonly label: string;
  readonly before?: Prediction;
  readonly after: Prediction;
}

/** What a language model wrote on from a prompt, before and after training. */
export interface ReportContinuation {
  readonly prompt: string;
  readonly before?: string;
  readonly after: string;
}

/** One run of the trainer: its first event, and all of them. */
export interface ReportStage {
  readonly name: string;
  readonly description: string;
  readonly start: StartEvent;
  readonly events: readonly TrainingEvent[];
}

export type Settings = Readonly<Record<string, string | number | boolean | null>>;

/** Everything that a report tells. */
export interface RunReport {
  readonly title: string;
  /** ISO 8601, as of `Date.toISOString`. */
  readonly createdAt: string;
  readonly adapter: string;
  readonly model: string;
  readonly task: Task;
  readonly data: {
    /** Name of the file or data set. */
    readonly source: string;
    readonly trainExamples: number;
    readonly validExamples: number;
    /** Examples of each class. */
    readonly classes?: readonly { readonly label: string; readonly train: number; readonly valid: number }[];
    /** Author and licence, where the data asks for it to be named. */
    readonly attribution?: string;
  };
  readonly stages: readonly ReportStage[];
  readonly before: Evaluation | null;
  readonly after: Evaluation | null;
  readonly samples: readonly ReportSample[];
  /** What the samples were chosen from: how many validation examples were asked about, and how many of them are wrong. */
  readonly sampled?: { readonly asked: number; readonly wrong: number };
  readonly continuations?: readonly ReportContinuation[];
  /** Hyper-parameters of the whole run; those of a stage are in its start event. */
  readonly settings: Settings;
}

/**
 * A report of a training run as one HTML file that needs nothing else: no script, no font, no image from outside. All
 * texts are escaped, so that data and file names cannot add markup.
 */
export function renderReport(report: RunReport): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="generator" content="Graft">
<title>${report.title}</title>
`;
  const body = html`</head>
<body>
<main>
<header>
<h1>${isolated(report.title)}</h1>
<p class="lead">${isolated(verdict(report))}</p>
</header>
${keyFigures(report)}
<h2>The run</h2>
<section class="card">${runFacts(report)}</section>
${drawCurves(report)}
${metricsSection(report)}
${confusionSection(report)}
${samplesSection(report)}
${stagesSection(report)}
${cacheSection(report)}
${settingsSection(report)}
<footer>${report.data.attribution && html`<p>Data: ${isolated(report.data.attribution)}</p>`}
<p>Made by Graft from ${formatCount(report.stages.reduce((sum, { events }) => sum + events.length, 0))} training events.</p></footer>
</main>
</body>
</html>
`;
  // The style sheet has no value in it, and must not be escaped.
  return `${page.text}<style>${STYLE}</style>\n${body.text}`;
}

const TASK_NAMES: Readonly<Record<Task, string>> = {
  classify: "classification",
  "image-classify": "classification of images",
  lm: "language modelling",
};

/** The outcome in a sentence or two. */
function verdict({ task, before, after, data, stages }: RunReport): string {
  const sentences: string[] = [];
  const rows = metricRows(before, after);
  const name = task === "lm" ? "perplexity" : "accuracy";
  const row = rows.find((one) => one.name === name);
  if (row?.before && row.after) {
    const count = formatCount(data.validExamples);
    sentences.push(`Validation ${name} went from ${row.before} to ${row.after} on ${count} examples.`);
  } else if (row?.after) {
    sentences.push(`Validation ${name} is ${row.after} on ${formatCount(data.validExamples)} examples.`);
  }
  const end = stages.at(-1)?.events.findLast((event) => event.type === "end");
  if (end?.reason === "cancelled") sentences.push("The run was stopped on request before its end.");
  if (end?.reason === "max-steps") sentences.push("The run ended at its step limit.");
  return sentences.join(" ");
}

function keyFigures({ before, after, stages }: RunReport): Markup {
  const rows = metricRows(before, after);
  const positive = after && positiveClass(after);
  const wanted =
    after?.accuracy === undefined
      ? /^(perplexity|loss)$/
      : positive === null
        ? /^(accuracy|mean F1|loss)$/
        : /^(accuracy|F1 .*|loss)$/;
  const figures = rows
    .filter(({ name }) => wanted.test(name))
    .map(({ name, before, after }) => figure(name, after ?? "–", before === null ? "" : `before: ${before}`));
  const largest = stages.reduce<StartEvent | null>(
    (most, { start }) => (most && most.trainableParameters >= start.trainableParameters ? most : start),
    null,
  );
  if (largest) {
    const { trainableParameters, parameters } = largest;
    const share = formatPercent(parameters > 0 ? trainableParameters / parameters : 0);
    figures.push(
      figure("parameters trained", share, `${formatCount(trainableParameters)} of ${formatCount(parameters)}`),
    );
  }
  return html`<section class="figures">${figures}</section>`;
}

function figure(label: string, value: string, was: string): Markup {
  return html`<div class="card"><div class="label">${isolated(label)}</div><div class="value">${value}</div><div class="was">${was}</div></div>
`;
}

function runFacts({ createdAt, adapter, model, task, data, stages }: RunReport): Markup {
  const { steps, seconds, tokens, peakBytes } = totals(stages.flatMap(({ events }) => events));
  const classes = data.classes ?? [];
  const counts = (kind: "train" | "valid") =>
    classes.length > 0 && classes.length <= 10
      ? html` (${classes.map((one, i) => html`${i > 0 && ", "}${isolated(one.label)} ${formatCount(one[kind])}`)})`
      : null;
  const facts: [string, Markup | string][] = [
    ["date", createdAt.replace(/^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}).*Z$/, "$1, $2 UTC")],
    ["adapter", isolated(adapter)],
    ["model", isolated(model)],
    ["task", TASK_NAMES[task]],
    ["data", isolated(data.source)],
    ["training set", html`${formatCount(data.trainExamples)} examples${counts("train")}`],
    ["validation set", html`${formatCount(data.validExamples)} examples${counts("valid")}`],
    ["time", `${formatDuration(seconds)} for ${formatSteps(steps)} and ${formatCount(tokens)} ${unitsOf(task).many}`],
  ];
  if (peakBytes > 0) facts.push(["memory", `${formatBytes(peakBytes)} of buffers at most`]);
  return html`<dl class="facts">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}
