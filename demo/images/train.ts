import { fill, h } from "../shared/dom.ts";
import { numberField, selectField } from "../shared/field.ts";
import type { Part } from "../shared/parts.ts";
import { runButtons } from "../shared/run-buttons.ts";
import { runView, statusOfRun } from "../shared/run-view.ts";
import { type App, AUGMENTATION_NAMES, AUGMENTATIONS, type AugmentationName, isBusy, type Training } from "./app.ts";
import { missingIn } from "./pictures.ts";

/** Part 3: settings, buttons, and the run as it goes. */
export function trainPart(app: App, part: Part): void {
  const settings = settingFields(app);
  const wrongField = (): HTMLInputElement | null => settings.querySelector('[aria-invalid="true"]');
  const buttons = runButtons({
    start: app.start,
    pause: app.pause,
    resume: app.resume,
    cancel: app.cancel,
    explain: () => {
      const field = wrongField();
      if (field) field.focus();
      else document.getElementById("examples")?.scrollIntoView();
    },
  });
  const run = runView({ examples: "pictures", rate: "pictures a second" });
  fill(part.body, h("div", { class: "stack" }, settings, h("div", { class: "row" }, buttons.elements), run.element));

  app.store.watch((state, before) => {
    const { run: log, classes, inspection } = state;
    const isMissing = inspection === null || missingIn(classes) !== null;
    part.setReady(!isMissing || log !== null);
    settings.disabled = isBusy(state);
    const field = wrongField();
    const obstacle = isBusy(state) ? null : (missingIn(classes) ?? (field && problemOf(field)));
    buttons.show(log?.phase ?? "idle", !isMissing && obstacle === null);
    buttons.setStatus(obstacle ?? (log ? statusOfRun(log, "picture") : ""));
    if (before && state.tick === before.tick && classes === before.classes) return;
    run.show(log);
    part.setDone(log?.phase === "ended" && log.ended !== "cancelled");
  });
}

/** "Epochs: Expected a whole number from 1 to 1000." */
function problemOf(field: HTMLInputElement): string {
  const problem = field.closest(".field")?.querySelector(".error")?.textContent;
  return `${field.labels?.[0]?.textContent}: ${problem}`;
}

function settingFields(app: App): HTMLFieldSetElement {
  const field = (label: string, key: "epochs" | "batch" | "seed" | "learningRate", hint: string): HTMLElement => {
    const isInteger = key !== "learningRate";
    const own = numberField({
      ...{ label, hint, value: app.state.training[key], isInteger },
      min: isInteger ? (key === "seed" ? 0 : 1) : 1e-8,
      max: key === "seed" ? 2 ** 31 : key === "learningRate" ? 1 : 1000,
      onChange: () => {
        app.setTraining(own.value === null ? {} : ({ [key]: own.value } as Partial<Training>));
      },
    });
    app.store.watch(({ training }, before) => {
      if (training[key] !== before?.training[key] && own.value !== training[key]) own.set(training[key]);
    });
    return own.element;
  };
  const augmentation = selectField<AugmentationName>({
    label: "Pictures",
    hint: "Changed anew in every epoch; the network then reads them each time.",
    options: AUGMENTATION_NAMES.map((value) => ({
      value,
      label: AUGMENTATIONS[value].label,
    })),
    value: app.state.training.augmentation,
    onChange: (value) => app.setTraining({ augmentation: value }),
  });
  app.store.watch(({ training }) => {
    if (augmentation.value !== training.augmentation) augmentation.set(training.augmentation);
  });
  return h(
    "fieldset",
    {},
    h("legend", { class: "visually-hidden" }, "Settings of the run"),
    h(
      "div",
      { class: "fields" },
      field("Epochs", "epochs", "Passes over the pictures."),
      field("Batch", "batch", "Pictures a step."),
      field("Learning rate", "learningRate", "How far a step moves the head."),
      field("Seed", "seed", "The same seed, the same run."),
      augmentation.element,
    ),
  );
}
