import { numberField } from "../shared/field.ts";
import type { App } from "./app.ts";
import type { Training } from "./training.ts";

type NumberKey = { [K in keyof Training]-?: Training[K] extends number ? K : never }[keyof Training];

export interface SettingOptions {
  readonly label: string;
  readonly hint: string;
  readonly min: number;
  /** The most there can be now; it may change with the model. */
  readonly max: number | (() => number);
  readonly isInteger?: boolean;
}

/** A number among the settings. What is none is told to the app, and the last good one stays. */
export function settingField(app: App, key: NumberKey, options: SettingOptions): HTMLElement {
  const field = numberField({
    ...options,
    value: app.state.training[key],
    onChange: () => {
      if (field.value !== null) app.setTraining({ [key]: field.value });
      else app.setMistake(key, field.problem ?? "");
    },
  });
  // A preset brings epochs of its own, a run that is picked up all of its settings.
  app.store.watch(({ training, mistakes }, before) => {
    const isOver = before?.mistakes[key] !== undefined && mistakes[key] === undefined;
    if ((training[key] !== before?.training[key] || isOver) && field.value !== training[key]) field.set(training[key]);
  });
  return field.element;
}
