import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatLoss,
  formatPercent,
  formatSteps,
} from "../../src/finetune/format.ts";
import { type Chart, lineChart } from "../shared/chart.ts";
import { fill, h } from "../shared/dom.ts";
import { numberField } from "../shared/field.ts";
import { icon } from "../shared/icons.ts";
import type { Part } from "../shared/parts.ts";
import { type Progress, progressBar } from "../shared/progress.ts";
import { type App, isBusy, type State } from "./app.ts";
import type { RunLog, Share } from "./run-log.ts";

/** Part 4: starts the run, and shows it as it goes. */
export function trainPart(app: App, part: Part): void {
  const settings = settingFields(app);
  const button = (
    label: string,
    kind: "play" | "pause" | "stop",
    onclick: () => void,
    isPrimary = false,
  ): HTMLButtonElement =>
    h("button", { class: `button${isPrimary ? " primary" : ""}`, type: "button", onclick }, icon(kind), label);
  const start = button("Train", "play", () => void app.start(), true);
  const pause = button("Pause", "pause", () => void app.pause());
  const resume = button("Go on", "play", () => void app.resume(), true);
  const cancel = button("Cancel", "stop", () => void app.cancel());
  const status = h("p", { class: "status", role: "status" });
  const bars = {
    download: progressBar("Download"),
    pipelines: progressBar("Pipelines compile"),
    weights: progressBar("Weights load"),
    trunk: progressBar("The frozen part reads the texts"),
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
  const run = h(
    "div",
    { class: "stack", id: "run" },
    h(
      "div",
      { class: "stack close" },
      Object.values(bars).map(({ element }) => element),
    ),
    figures,
    h("div", { class: "columns" }, loss.element, accuracy.element),
    notices,
  );
  fill(
    part.body,
    h("div", { class: "stack" }, settings, h("div", { class: "row" }, start, pause, resume, cancel, status), run),
  );

  app.store.watch((state, before) => {
    part.setReady((state.inspection !== null && state.description !== null) || state.run !== null);
    if (
      before &&
      state.tick === before.tick &&
      state.plan === before.plan &&
      state.isPlanning === before.isPlanning &&
      state.planProblem === before.planProblem
    )
      return;
    const { run: log } = state;
    const isRunning = isBusy(state);
    settings.disabled = isRunning;
    const phase = log?.phase ?? "idle";
    // The button that had the focus must not vanish under it.
    const focused = document.activeElement;
    start.hidden = isRunning;
    start.disabled = !state.plan?.fits && state.planProblem !== null;
    pause.hidden = phase !== "running" && phase !== "preparing";
    pause.disabled = phase === "preparing";
    resume.hidden = phase !== "paused";
    cancel.hidden = !isRunning;
    if (focused instanceof HTMLButtonElement && focused.hidden && part.body.contains(focused)) {
      [resume, pause, cancel, start].find((one) => !one.hidden && !one.disabled)?.focus();
    }
    run.hidden = log === null;
    setText(status, statusOf(state));
    if (!log) return;
    showBars(bars, log);
    fill(figures, figuresOf(log, state.job?.task === "lm"));
    fill(
      notices,
      log.notices.slice(-3).map((line) => h("li", {}, line)),
    );
    showChart(loss, log, log.trainLoss, log.validLoss);
    accuracy.element.hidden = state.job?.task === "lm";
    showChart(accuracy, log, log.accuracy);
    part.setDone(phase === "ended" && log.ended !== "cancelled");
  });
}

/** A live region is read out anew only when its text has changed. */
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function showChart(chart: Chart, log: RunLog, ...columns: readonly (readonly (number | null)[])[]): void {
  chart.setEnd(log.totalSteps || null);
  chart.setData(log.steps, ...columns);
}

/** What is going on, in a sentence. */
function statusOf({ run, planProblem, plan }: State): string {
  if (!run) {
    if (planProblem !== null) return "It cannot start like this; see above.";
    return plan && !plan.fits ? "It does not fit into memory; see above." : "";
  }
  switch (run.phase) {
    case "preparing":
      if (run.trunk && run.trunk.done < run.trunk.total) return "The frozen part reads every text once.";
      if (run.weights && run.pipelines) return "Pipelines compile while the weights load.";
      return "Getting ready.";
    case "running":
      return "Training.";
    case "paused":
      return `Paused at step ${formatCount(run.lastStep?.step ?? 0)}. It is kept; you may close the page.`;
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

function showBars(bars: Record<"download" | "pipelines" | "weights" | "trunk" | "steps", Progress>, log: RunLog): void {
  const isDone = (share: Share | null): boolean => share !== null && share.total > 0 && share.done >= share.total;
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
  show(bars.trunk, isDone(log.trunk) && !isPreparing ? null : log.trunk, (share) => `${counts(share)} texts`);
  bars.steps.element.hidden = log.totalSteps === 0 || log.lastStep === null;
  bars.steps.set(
    log.lastStep?.step ?? 0,
    log.totalSteps || null,
    counts({ done: log.lastStep?.step ?? 0, total: log.totalSteps }),
  );
}

function figuresOf(log: RunLog, isLanguage: boolean): HTMLElement[] {
  const { lastStep, latest, first } = log;
  const one = (name: string, term: string, value: string, unit = ""): HTMLElement =>
    h("div", {}, h("dt", {}, term), h("dd", { "data-figure": name }, value), h("dd", { class: "unit" }, unit));
  const isRunning = log.phase === "running" || log.phase === "paused";
  return [
    one("loss", "Training loss", lastStep ? formatLoss(lastStep.loss) : "–"),
    !isLanguage
      ? one(
          "accuracy",
          "Validation accuracy",
          formatPercent(latest?.accuracy ?? Number.NaN),
          first?.accuracy !== undefined && first !== latest ? `from ${formatPercent(first.accuracy)}` : "",
        )
      : one("perplexity", "Perplexity", latest?.perplexity !== undefined ? formatLoss(latest.perplexity) : "–"),
    one("epoch", "Epoch", lastStep ? String(lastStep.epoch) : "–", log.epochs > 0 ? `of ${log.epochs}` : ""),
    one("speed", "Speed", lastStep ? formatCount(Math.round(lastStep.tokensPerSecond)) : "–", "tokens a second"),
    isRunning
      ? one("left", "Time left", lastStep?.secondsLeft != null ? formatClock(lastStep.secondsLeft) : "–")
      : one("saved", "Saved by freezing", log.secondsSaved > 0 ? formatDuration(log.secondsSaved) : "–"),
  ];
}

type SettingName = "epochs" | "batch" | "maxLength" | "seed";

function settingFields(app: App): HTMLFieldSetElement {
  const field = (label: string, key: SettingName, min: number, max: number, hint: string): HTMLElement => {
    const own = numberField({
      label,
      hint,
      value: app.state.training[key],
      isInteger: true,
      min,
      max,
      onChange: () => {
        if (own.value !== null) app.setTraining({ [key]: own.value });
      },
    });
    // A preset brings epochs of its own.
    app.store.watch(({ training }, before) => {
      if (training[key] !== before?.training[key] && own.value !== training[key]) own.set(training[key]);
    });
    return own.element;
  };
  return h(
    "fieldset",
    {},
    h("legend", { class: "visually-hidden" }, "Settings of the run"),
    h(
      "div",
      { class: "fields" },
      field("Epochs", "epochs", 1, 1000, "Passes over the texts."),
      field("Batch", "batch", 1, 512, "Texts a step."),
      field("Longest text", "maxLength", 4, 4096, "Tokens; more are cut."),
      field("Seed", "seed", 0, 2 ** 31, "The same seed, the same run."),
    ),
  );
}
