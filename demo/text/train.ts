import { fill, h } from "../shared/dom.ts";
import { numberField } from "../shared/field.ts";
import type { Part } from "../shared/parts.ts";
import { runButtons } from "../shared/run-buttons.ts";
import { runView, statusOfRun } from "../shared/run-view.ts";
import { type App, isBusy, type State } from "./app.ts";

/** Part 4: starts the run, and shows it as it goes. */
export function trainPart(app: App, part: Part): void {
  const settings = settingFields(app);
  const buttons = runButtons(app);
  const run = runView({ examples: "texts", rate: "tokens a second" });
  fill(part.body, h("div", { class: "stack" }, settings, h("div", { class: "row" }, buttons.elements), run.element));

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
    buttons.show(phase, state.plan?.fits === true || state.planProblem === null);
    buttons.setStatus(statusOf(state));
    run.show(log, state.job?.task === "lm");
    if (!log) return;
    part.setDone(phase === "ended" && log.ended !== "cancelled");
  });
}

/** What is going on, in a sentence. */
function statusOf({ run, planProblem, plan }: State): string {
  if (run) return statusOfRun(run, "text");
  if (planProblem !== null) return "It cannot start like this; see above.";
  return plan && !plan.fits ? "It does not fit into memory; see above." : "";
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
