import type { Evaluation, StepEvent } from "../events.ts";
import { formatLoss, formatPercent, formatRate } from "../format.ts";
import type { RunReport } from "../report.ts";
import { drawChart, type Point, smooth } from "./chart.ts";
import { html, type Markup } from "./html.ts";

/** A stage on the axis of all steps. */
interface Span {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly steps: readonly { readonly x: number; readonly event: StepEvent }[];
  readonly evaluations: readonly { readonly x: number; readonly evaluation: Evaluation }[];
}

/** Lays the stages one after another; where the step numbers begin anew with each, they are counted on. */
function laySpans(report: RunReport): Span[] {
  let end = 0;
  return report.stages.map(({ name, events }) => {
    const from = end;
    const first = events.find((event) => event.type === "step");
    const offset = first && first.step <= from ? from : 0;
    const steps: { x: number; event: StepEvent }[] = [];
    const evaluations: { x: number; evaluation: Evaluation }[] = [];
    for (const event of events) {
      if (event.type === "step") {
        end = offset + event.step;
        steps.push({ x: end, event });
      }
      if (event.type === "evaluation") evaluations.push({ x: offset + event.step, evaluation: event.evaluation });
    }
    return { name, from, to: end, steps, evaluations };
  });
}

/** Loss, the measure of the task, and learning rates over the steps, with the stages marked. */
export function drawCurves(report: RunReport): Markup {
  const spans = laySpans(report);
  const stages = spans.filter(({ steps }) => steps.length > 0);
  if (stages.length === 0) return html``;
  const evaluations = spans.flatMap((span) => span.evaluations);
  if (report.before && evaluations[0]?.x !== 0) evaluations.unshift({ x: 0, evaluation: report.before });
  const common = { xLabel: "optimizer step", stages };
  const measured = (value: (evaluation: Evaluation) => number | undefined): Point[] =>
    evaluations.map(({ x, evaluation }) => ({ x, y: value(evaluation) ?? Number.NaN }));

  const raw = spans.map(({ steps }) => steps.map(({ x, event }) => ({ x, y: event.loss })));
  const smoothed = raw.map((points) => smooth(points, Math.max(5, points.length / 20)));
  const dots = raw.flat();
  const high = lossCeiling(dots, [...smoothed.flat(), ...measured(({ loss }) => loss)]);
  const beyond = dots.filter(({ y }) => y > high).length;
  const broken = dots.filter(({ y }) => !Number.isFinite(y)).length;
  const loss = drawChart({
    ...common,
    title: "Loss",
    description: "Training loss of every step with its mean, and the loss on the validation set",
    format: formatLossTick,
    low: 0,
    high,
    series: [
      { name: "training, each step", form: "dots", color: "train", points: dots },
      { name: "smoothed", form: "line", color: "train", points: joinWithGaps(smoothed) },
      { name: "validation", form: "marks", color: "valid", points: measured((evaluation) => evaluation.loss) },
    ],
  });
  const notes = [
    broken > 0 && `The loss of ${broken} steps was not a finite number.`,
    beyond > 0 && `${beyond} steps with a higher loss are drawn at the upper edge.`,
  ].filter((note) => note !== false);
  return html`<h2>Curves</h2>
<section class="card">${loss}${notes.length > 0 && html`<p class="note">${notes.join(" ")}</p>`}</section>
<div class="grid-2">${[drawMeasure(report, measured, common), drawRates(spans, common)].map(
    (chart) => chart && html`<section class="card">${chart}</section>`,
  )}</div>`;
}

type Common = Pick<Parameters<typeof drawChart>[0], "xLabel" | "stages">;

/** Accuracy, or perplexity of a language model. */
function drawMeasure(
  report: RunReport,
  measured: (value: (evaluation: Evaluation) => number | undefined) => Point[],
  common: Common,
): Markup | null {
  const isClassifier = report.task !== "lm";
  const points = measured(({ accuracy, perplexity }) => (isClassifier ? accuracy : perplexity));
  if (!points.some(({ y }) => Number.isFinite(y))) return null;
  return drawChart({
    ...common,
    title: isClassifier ? "Validation accuracy" : "Validation perplexity",
    description: isClassifier ? "Accuracy on the validation set" : "Perplexity on the validation set",
    format: isClassifier ? (value) => formatPercent(value, 0) : formatLossTick,
    high: isClassifier ? 1 : undefined,
    series: [{ name: isClassifier ? "accuracy" : "perplexity", form: "marks", color: "valid", points }],
  });
}

/** One line for each group, the stronger the higher its rate. */
function drawRates(spans: readonly Span[], common: Common): Markup | null {
  const groups = new Map<string, Point[][]>();
  for (const { steps } of spans) {
    for (const name of new Set(steps.flatMap(({ event }) => Object.keys(event.learningRates)))) {
      const points = steps.map(({ x, event }) => ({ x, y: event.learningRates[name] ?? Number.NaN }));
      groups.set(name, [...(groups.get(name) ?? []), points]);
    }
  }
  if (groups.size === 0) return null;
  const lines = [...groups].map(([name, parts]) => ({ name, points: joinWithGaps(parts) }));
  lines.sort((a, b) => peak(a.points) - peak(b.points));
  return drawChart({
    ...common,
    title: "Learning rate",
    description: "Learning rate of each parameter group",
    format: (value) => formatRate(value),
    low: 0,
    series: lines.map((line, i) => ({
      ...line,
      form: "line",
      color: "rate",
      strength: lines.length === 1 ? 1 : 0.35 + (0.65 * i) / (lines.length - 1),
    })),
  });
}

/** Lines one after another, with a gap between two stages. */
function joinWithGaps(parts: readonly (readonly Point[])[]): Point[] {
  return parts.flatMap((points, i) => (i === 0 ? points : [{ x: Number.NaN, y: Number.NaN }, ...points]));
}

function peak(points: readonly Point[]): number {
  return points.reduce((highest, { y }) => (Number.isFinite(y) ? Math.max(highest, y) : highest), 0);
}

/** A bound that shows the curve and all but the wildest of the single steps. */
function lossCeiling(dots: readonly Point[], curves: readonly Point[]): number {
  const sorted = dots
    .map(({ y }) => y)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const most = sorted[Math.floor(0.99 * (sorted.length - 1))] ?? 1;
  return Math.max(most, peak(curves) * 1.05);
}

/** Ticks are round: no zeros behind the point. */
function formatLossTick(value: number): string {
  return value === 0 || Math.abs(value) >= 1e-3 ? String(value) : formatLoss(value);
}
