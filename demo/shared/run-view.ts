import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatLoss,
  formatPercent,
  formatSteps,
} from "../../src/finetune/format.ts";
import { type Chart, lineChart } from "./chart.ts";
import { fill, h } from "./dom.ts";
import { type Progress, progressBar } from "./progress.ts";
import type { RunLog, Share } from "./run-log.ts";

export interface RunViewOptions {
  /** What a run learns from: "texts", "images". */
  readonly examples: string;
  /** What its speed counts: "tokens a second". */
  readonly rate: string;
}

export interface RunView {
  readonly element: HTMLElement;
  /** Shows a run as it is now; nothing without one. A language model has a perplexity in place of an accuracy. */
  show(log: RunLog | null, isLanguage?: boolean): void;
}

/** A run as it goes: bars, figures, charts, and its latest notices. */
export function runView({ examples, rate }: RunViewOptions): RunView {
  const bars = {
    download: progressBar("Download"),
    pipelines: progressBar("Pipelines compile"),
    weights: progressBar("Weights load"),
    trunk: progressBar(`Reading the ${examples}`),
    steps: progressBar("Steps"),
  };
  const figures = h("dl", { class: "figures" });
  const loss = lineChart({
    title: "Loss",
    x: "step",
    format: (value) => formatLoss(value).replace(/(\.\d\d)\d+$/, "$1"),
    series: [
      { name: "training", tone: "plain", kind: "dots" },
      { name: "validation", tone: "accent", kind: "line" },
    ],
  });
  const accuracy = lineChart({
    title: "Accuracy",
    x: "step",
    format: (value) => formatPercent(value, 0),
    range: [0, 1],
    series: [{ name: "validation", tone: "accent", kind: "line" }],
  });
  const notices = h("ul", { class: "small soft stack close" });
  const element = h(
    "div",
    { class: "stack", id: "run", hidden: true },
    h(
      "div",
      { class: "bars-row" },
      Object.values(bars).map((bar) => bar.element),
    ),
    figures,
    h("div", { class: "columns" }, loss.element, accuracy.element),
    notices,
  );
  return {
    element,
    show(log, isLanguage = false) {
      element.hidden = log === null;
      if (!log) return;
      showBars(bars, log, examples);
      fill(figures, figuresOf(log, isLanguage, rate));
      fill(
        notices,
        log.notices.slice(-3).map((line) => h("li", {}, line)),
      );
      showChart(loss, log, log.trainLoss, log.validLoss);
      accuracy.element.hidden = isLanguage;
      showChart(accuracy, log, log.accuracy);
    },
  };
}

const isDone = (share: Share | null): boolean => share !== null && share.total > 0 && share.done >= share.total;

/** What a run is at, in a sentence. */
export function statusOfRun(run: RunLog, example: string): string {
  switch (run.phase) {
    case "preparing":
      if (run.trunk && run.trunk.done < run.trunk.total) return `The frozen part reads every ${example} once.`;
      if (isDone(run.weights) && isDone(run.pipelines)) return "The model is measured before it learns.";
      if (run.weights || run.pipelines) return "Pipelines compile while the weights load.";
      return "Getting ready.";
    case "running":
      return "Training.";
    case "paused":
      return (
        `Paused at step ${formatCount(run.lastStep?.step ?? 0)}. ` +
        (run.isKept ? "It is kept; you may close the page." : "It is lost when the page is closed.")
      );
    case "failed":
      return "The run has failed.";
    case "ended":
      return run.ended === "cancelled"
        ? `Cancelled after ${formatSteps(run.lastStep?.step ?? 0)}.`
        : `Done after ${formatSteps(run.lastStep?.step ?? 0)}. The best weights are those of step ${formatCount(run.bestStep ?? 0)}.`;
    default:
      return "";
  }
}

function showChart(chart: Chart, log: RunLog, ...columns: readonly (readonly (number | null)[])[]): void {
  chart.setEnd(log.totalSteps || null);
  chart.setData(log.steps, ...columns);
}

type Bars = Record<"download" | "pipelines" | "weights" | "trunk" | "steps", Progress>;

function showBars(bars: Bars, log: RunLog, examples: string): void {
  const isPreparing = log.phase === "preparing";
  const bytes = ({ done, total }: Share): string =>
    total > 0 ? `${formatBytes(done)} of ${formatBytes(total)}` : formatBytes(done);
  const counts = ({ done, total }: Share): string => `${formatCount(done)} of ${formatCount(total)}`;
  const show = (bar: Progress, share: Share | null, words: (share: Share) => string): void => {
    bar.element.hidden = share === null || !isPreparing;
    if (share) bar.set(share.done, share.total || null, words(share));
  };
  show(bars.download, log.download, bytes);
  show(bars.pipelines, log.pipelines, counts);
  show(bars.weights, log.weights, bytes);
  show(bars.trunk, isDone(log.trunk) && !isPreparing ? null : log.trunk, (share) => `${counts(share)} ${examples}`);
  bars.steps.element.hidden = log.totalSteps === 0 || log.lastStep === null;
  bars.steps.set(
    log.lastStep?.step ?? 0,
    log.totalSteps || null,
    counts({ done: log.lastStep?.step ?? 0, total: log.totalSteps }),
  );
}

function figuresOf(log: RunLog, isLanguage: boolean, rate: string): HTMLElement[] {
  const { lastStep, latest, first } = log;
  const one = (name: string, term: string, value: string, unit = ""): HTMLElement =>
    h("div", {}, h("dt", {}, term), h("dd", { "data-figure": name }, value), h("dd", { class: "unit" }, unit));
  const isEnded = log.phase === "ended" || log.phase === "failed";
  // In the end the weights are those of the best evaluation, and so are its figures.
  const shown = log.phase === "ended" ? (log.best ?? latest) : latest;
  const from = first && first !== shown ? first : null;
  return [
    one("loss", "Training loss", lastStep ? formatLoss(lastStep.loss) : "–"),
    !isLanguage
      ? one(
          "accuracy",
          "Validation accuracy",
          formatPercent(shown?.accuracy ?? Number.NaN),
          from?.accuracy === undefined ? "" : `from ${formatPercent(from.accuracy)}`,
        )
      : one(
          "perplexity",
          "Perplexity, lower is better",
          shown?.perplexity === undefined ? "–" : formatLoss(shown.perplexity),
          from?.perplexity === undefined ? "" : `from ${formatLoss(from.perplexity)}`,
        ),
    one("epoch", "Epoch", lastStep ? String(lastStep.epoch) : "–", log.epochs > 0 ? `of ${log.epochs}` : ""),
    one("speed", "Speed", lastStep ? formatCount(Math.round(lastStep.tokensPerSecond)) : "–", rate),
    ...(isEnded
      ? log.secondsSaved > 0
        ? [one("saved", "Saved by freezing", formatDuration(log.secondsSaved))]
        : []
      : [one("left", "Time left", lastStep?.secondsLeft != null ? formatClock(lastStep.secondsLeft) : "–", "min:s")]),
  ];
}
