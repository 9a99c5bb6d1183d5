import { formatPercent } from "../../src/finetune/format.ts";
import { fill, h } from "../shared/dom.ts";
import type { Part } from "../shared/parts.ts";
import { runButtons } from "../shared/run-buttons.ts";
import { runView, statusOfRun } from "../shared/run-view.ts";
import { type App, isBusy } from "./app.ts";
import { type Obstacle, obstacleOf } from "./obstacle.ts";
import { settingField } from "./setting-field.ts";

/** Tokens of a text, at most, where the model does not say. */
const MOST_TOKENS = 4096;

/** Part 4: starts the run, and shows it as it goes. */
export function trainPart(app: App, part: Part): void {
  const settings = settingFields(app);
  const buttons = runButtons({
    start: () => app.start(),
    pause: () => app.pause(),
    resume: () => app.resume(),
    cancel: () => app.cancel(),
    explain: () => leadTo(obstacleOf(app.state)),
  });
  const title = document.title;
  const run = runView({ examples: "texts", rate: "tokens a second" });
  fill(part.body, h("div", { class: "stack" }, settings, h("div", { class: "row" }, buttons.elements), run.element));

  let shown: Obstacle | null = null;
  app.store.watch((state, before) => {
    part.setReady((state.inspection !== null && state.description !== null) || state.run !== null);
    const { run: log } = state;
    const obstacle = isBusy(state) ? null : obstacleOf(state);
    const isSame = obstacle?.text === shown?.text && obstacle?.part === shown?.part;
    if (before && state.tick === before.tick && state.run === before.run && isSame) return;
    shown = obstacle;
    const isRunning = isBusy(state);
    settings.disabled = isRunning;
    const phase = log?.phase ?? "idle";
    buttons.show(phase, obstacle === null, state.isLeft);
    const kept = state.isLeft ? " It is kept: “Go on” takes it up again." : "";
    buttons.setStatus(obstacle?.text ?? (log ? statusOfRun(log, "text") + kept : ""));
    run.show(log, state.job?.task === "lm");
    const share = log && isBusy(state) && log.totalSteps > 0 ? (log.lastStep?.step ?? 0) / log.totalSteps : null;
    const heading = share === null ? title : `${formatPercent(share, 0)} · ${title}`;
    if (document.title !== heading) document.title = heading;
    if (!log) return;
    part.setDone(phase === "ended" && log.ended !== "cancelled");
  });
}

/** Leads to where an obstacle is mended: to the field that is wrong, or to its part of the page. */
function leadTo(obstacle: Obstacle | null): void {
  if (!obstacle) return;
  const part = document.getElementById(obstacle.part);
  const wrong = [...(part?.querySelectorAll<HTMLElement>('[aria-invalid="true"]') ?? [])].find((one) =>
    one.checkVisibility(),
  );
  if (wrong) wrong.focus();
  else part?.scrollIntoView();
}

/** Fields of the run's settings. */
function settingFields(app: App): HTMLFieldSetElement {
  const field = (
    key: "epochs" | "batch" | "seed",
    label: string,
    min: number,
    max: number,
    hint: string,
  ): HTMLElement => settingField(app, key, { label, min, max, hint, isInteger: true });
  const length = settingField(app, "maxLength", {
    ...{ label: "Longest text", hint: "Tokens; more are cut.", isInteger: true, min: 4 },
    max: () => app.state.inspection?.positions ?? MOST_TOKENS,
  });
  return h(
    "fieldset",
    {},
    h("legend", { class: "visually-hidden" }, "Settings of the run"),
    h(
      "div",
      { class: "fields" },
      field("epochs", "Epochs", 1, 1000, "Passes over the texts."),
      field("batch", "Batch", 1, 512, "Texts a step."),
      length,
      field("seed", "Seed", 0, 2 ** 31, "The same seed, the same run."),
    ),
  );
}
