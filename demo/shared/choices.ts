import { type Child, h, newId } from "./dom.ts";

export interface Option<Value extends string> {
  readonly value: Value;
  readonly label: string;
  /** What is shown in place of the label, which is then read out only. */
  readonly content?: Child;
  /** A sentence below the label; in cards only. */
  readonly text?: string;
}

export interface ChoiceOptions<Value extends string> {
  /** What is chosen, for those who hear the page. */
  readonly label: string;
  readonly options: readonly Option<Value>[];
  readonly value: Value | null;
  onChange(value: Value): void;
}

export interface Choice<Value extends string> {
  readonly element: HTMLElement;
  /** Shows a value as chosen, or none. The listener is not called. */
  set(value: Value | null): void;
  setDisabled(isDisabled: boolean): void;
}

/** A row of radio buttons for a few short choices; arrow keys move between them. */
export const segments = <Value extends string>(options: ChoiceOptions<Value>): Choice<Value> =>
  radios(options, "segments", ({ label, content }) => [
    h("span", {}, content ?? label, content !== undefined && h("span", { class: "visually-hidden" }, label)),
  ]);

/** Radio buttons as cards with a title and a sentence. */
export const choiceCards = <Value extends string>(options: ChoiceOptions<Value>): Choice<Value> =>
  radios(options, "choices", ({ label, text }) => [
    h("span", { class: "title" }, label),
    text && h("span", { class: "text" }, text),
  ]);

function radios<Value extends string>(
  { label, options, value, onChange }: ChoiceOptions<Value>,
  kind: string,
  contentOf: (option: Option<Value>) => Child,
): Choice<Value> {
  const name = newId(kind);
  const inputs = options.map((option) =>
    h("input", {
      type: "radio",
      name,
      value: option.value,
      checked: option.value === value,
      onchange: () => onChange(option.value),
    }),
  );
  const element = h(
    "div",
    { class: kind, role: "radiogroup", "aria-label": label },
    options.map((option, i) =>
      h("label", { title: option.content ? option.label : null }, inputs[i], contentOf(option)),
    ),
  );
  return {
    element,
    set(chosen) {
      for (const input of inputs) input.checked = input.value === chosen;
    },
    setDisabled(isDisabled) {
      for (const input of inputs) input.disabled = isDisabled;
    },
  };
}
