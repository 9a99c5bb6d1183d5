import type { Evaluation, StartEvent } from "../events.ts";
import { formatBytes, formatCount, formatDuration, formatPercent, formatRate, modelParts } from "../format.ts";
import type { Prediction, ReportSample, RunReport } from "../report.ts";
import { cacheEvents, metricRows } from "../summary.ts";
import { html, isolated, type Markup } from "./html.ts";

/** Messages longer than this are cut, in characters. */
const LONGEST_SAMPLE = 600;
/** A confusion matrix of more classes would be wider than any page. */
const MOST_CLASSES = 20;

/** The measures before and after, and those of each class. */
export function metricsSection({ before, after, data }: RunReport): Markup {
  const rows = metricRows(before, after);
  if (rows.length === 0) return html``;
  const classes = after?.classes ?? before?.classes ?? [];
  const classTable = html`<section class="card"><h3>By class</h3><div class="scroll"><table>
<thead><tr><th>class</th><th>precision</th><th>recall</th><th>F1</th><th>examples</th></tr></thead>
<tbody>${classes.map(
    ({ label, precision, recall, f1, support }) =>
      html`<tr><th>${isolated(label)}</th><td>${formatPercent(precision)}</td><td>${formatPercent(recall)}</td><td>${formatPercent(f1)}</td><td>${formatCount(support)}</td></tr>`,
  )}</tbody></table></div></section>`;
  return html`<h2>Measures</h2>
<div class="grid-2"><section class="card"><h3>On ${formatCount(data.validExamples)} validation examples</h3><div class="scroll"><table>
<thead><tr><th></th><th>before</th><th>after</th></tr></thead>
<tbody>${rows.map((row) => html`<tr><th>${isolated(row.name)}</th><td>${row.before ?? "–"}</td><td>${row.after ?? "–"}</td></tr>`)}</tbody></table></div></section>
${after && classes.length > 0 && classTable}</div>`;
}

/** Who was taken for whom, before and after. */
export function confusionSection({ before, after }: RunReport): Markup {
  const matrices = [
    ["Before", before],
    ["After", after],
  ] as const;
  const drawn = matrices.map(([name, evaluation]) => evaluation && drawMatrix(name, evaluation));
  if (drawn.every((matrix) => !matrix)) return html``;
  return html`<h2>Confusion matrix</h2>
<div class="grid-2">${drawn}</div>
<p class="note">Rows are the true classes, columns the predicted ones. The colour is the share of the row.</p>`;
}

function drawMatrix(name: string, { confusionMatrix, labels }: Evaluation): Markup | null {
  if (!confusionMatrix || !labels || labels.length > MOST_CLASSES) return null;
  const rows = confusionMatrix.map((row, i) => {
    const support = row.reduce((sum, count) => sum + count, 0);
    const cells = row.map((count, j) => {
      const share = support > 0 ? count / support : 0;
      const color = i === j ? "--heat" : "--miss";
      // Even a single miss is to be seen.
      const strength = count === 0 ? 0.04 : 0.12 + 0.5 * share;
      return html`<td style="background:rgba(var(${color}),${strength.toFixed(2)})">${formatCount(count)}</td>`;
    });
    return html`<tr><th>${isolated(labels[i])}</th>${cells}</tr>
`;
  });
  return html`<section class="card"><h3>${name}</h3><div class="scroll"><table class="matrix">
<thead><tr><th></th>${labels.map((label) => html`<th>${isolated(label)}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div></section>`;
}

const WRITTEN_WORDS =
  "Each line in bold is the beginning of a validation text, and what follows is what the model wrote on from it: drawn at random, but from one seed, so that it is the same each time.";

/** Messages with their true label and what the model said, or what a language model wrote. */
export function samplesSection({ data, samples, sampled, continuations = [] }: RunReport): Markup {
  if (samples.length + continuations.length === 0) return html``;
  const texts = continuations.map(
    ({ prompt, before, after }) => html`<li><p class="message"><strong>${isolated(cut(prompt))}</strong></p>
${before !== undefined && html`<p class="message"><span class="soft">before </span>${isolated(cut(before))}</p>`}
<p class="message"><span class="soft">after </span>${isolated(cut(after))}</p></li>
`,
  );
  return html`<h2>Samples</h2>
${sampled && html`<p class="note">${sampledWords(sampled, data)}</p>`}
${texts.length > 0 && html`<p class="note">${WRITTEN_WORDS}</p>`}
<section class="card"><ol class="samples">${samples.map(drawSample)}${texts}</ol></section>`;
}

/** What the samples were chosen from, and how. */
function sampledWords(
  { asked, wrong }: NonNullable<RunReport["sampled"]>,
  { validExamples }: RunReport["data"],
): string {
  const looked = asked < validExamples ? " that were looked at" : "";
  const examples = `${formatCount(asked)} validation example${asked === 1 ? "" : "s"}${looked}`;
  if (wrong === 0) return `Of ${examples} none is told wrongly. Here are some of each class.`;
  const those =
    wrong === 1 ? "1 is told wrongly: it comes first" : `${formatCount(wrong)} are told wrongly: the surest come first`;
  return `Of ${examples} ${those}, then right ones of each class.`;
}

function drawSample({ text, picture, label, before, after }: ReportSample): Markup {
  return html`<li><p class="message">${picture && html`<img class="picture" src="${picture}" alt="">`}${isolated(cut(text))}</p>
<div class="verdicts"><span><span class="what">true</span>${isolated(label)}</span>
${before && drawPrediction("before", before, label)}
${drawPrediction("after", after, label)}</div></li>
`;
}

function drawPrediction(when: string, { label, probability }: Prediction, truth: string): Markup {
  const [kind, mark] = label === truth ? ["right", "✓"] : ["wrong", "✗"];
  return html`<span><span class="what">${when}</span><span class="${kind}">${mark} ${isolated(label)}</span> ${formatPercent(probability)}</span>`;
}

function cut(text: string): string {
  return text.length > LONGEST_SAMPLE ? `${text.slice(0, LONGEST_SAMPLE)}…` : text;
}

/** What each stage trained and what it left frozen. */
export function stagesSection({ stages }: RunReport): Markup {
  return html`<h2>What was trained, what was frozen</h2>
${stages.map(
  ({ name, description, start }) => html`<section class="card"><h3>${isolated(name)}</h3>
<p>${isolated(description)}</p>
<ul class="parts">${modelParts(start.trainable, start.frozen).map((part) => html`<li class="${part.trained}">${part.name}</li>`)}</ul>
<p class="note">${formatCount(start.trainableParameters)} of ${formatCount(start.parameters)} parameters trained (${tensors(start.trainable)}); ${tensors(start.frozen)} frozen.</p>
${drawGroups(start)}</section>
`,
)}
<p class="note"><span class="swatch all"></span>trained<span class="swatch"></span>frozen</p>`;
}

function tensors({ length }: readonly string[]): string {
  return length === 1 ? "1 tensor" : `${formatCount(length)} tensors`;
}

function drawGroups({ groups }: StartEvent): Markup | null {
  if (groups.length === 0) return null;
  return html`<div class="scroll"><table><thead><tr><th>parameter group</th><th>learning rate</th><th>weight decay</th><th>parameters</th></tr></thead>
<tbody>${groups.map(
    ({ name, learningRate, weightDecay, parameters }) =>
      html`<tr><th>${isolated(name)}</th><td>${formatRate(learningRate)}</td><td>${weightDecay}</td><td>${formatCount(parameters)}</td></tr>`,
  )}</tbody></table></div>`;
}

/** What the frozen part of the model did not have to compute again. */
export function cacheSection({ stages }: RunReport): Markup {
  const rows = stages.flatMap(({ name, events }) => cacheEvents(events).map((cache) => ({ name, cache })));
  if (rows.length === 0) return html``;
  return html`<h2>What the activation cache saved</h2>
<section class="card"><div class="scroll"><table>
<thead><tr><th>stage</th><th>kept below</th><th>memory</th><th>computed</th><th>reused</th><th>time saved</th></tr></thead>
<tbody>${rows.map(({ name, cache }) =>
    cache.enabled
      ? html`<tr><th>${isolated(name)}</th><td>${isolated(cache.boundary)}</td><td>${formatBytes(cache.gpuBytes + cache.hostBytes)}</td><td>${formatCount(cache.computed)}</td><td>${formatCount(cache.reused)}</td><td>${formatDuration(cache.secondsSaved)}</td></tr>`
      : html`<tr><th>${isolated(name)}</th><td colspan="5" class="left">off: ${isolated(cache.reason)}</td></tr>`,
  )}</tbody></table></div>
<p class="note">A frozen trunk gives the same activations each time, so they are computed once for each example and then reused. The time is an estimate: reuses times the mean time of computing one.</p></section>`;
}

/** Every hyper-parameter: those that hold for the whole run, and those that differ from stage to stage. */
export function settingsSection({ settings, stages }: RunReport): Markup {
  const columns = stages.map(({ start }) => ({ ...settings, ...start.settings }));
  const all = columns.length > 0 ? columns : [settings];
  const keys = [...new Set(all.flatMap(Object.keys))];
  const differing = keys.filter((key) => all.some((column) => column[key] !== all[0][key]));
  const common = keys.filter((key) => !differing.includes(key));
  const show = (value: string | number | boolean | null | undefined) =>
    value === null || value === undefined || value === "" ? "–" : isolated(String(value));
  const list = html`<section class="card"><dl class="facts columns">${common.map(
    (key) => html`<div><dt>${isolated(key)}</dt><dd>${show(all[0][key])}</dd></div>`,
  )}</dl></section>`;
  const table = html`<section class="card"><h3>By stage</h3><div class="scroll"><table>
<thead><tr><th></th>${stages.map(({ name }) => html`<th>${isolated(name)}</th>`)}</tr></thead>
<tbody>${differing.map(
    (key) => html`<tr><th>${isolated(key)}</th>${all.map((column) => html`<td>${show(column[key])}</td>`)}</tr>
`,
  )}</tbody></table></div></section>`;
  return html`${keys.length > 0 && html`<h2>Hyper-parameters</h2>`}
${common.length > 0 && list}
${differing.length > 0 && table}`;
}
