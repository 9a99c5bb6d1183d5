import { h, newId } from "./dom.ts";

interface FieldOptions {
  readonly label: string;
  readonly hint?: string;
}

export interface Field<Value> {
  readonly element: HTMLElement;
  /** The value, or null where what is written is none; the field says what is expected then. */
  readonly value: Value | null;
  /** What is wrong with what is written, as the field itself says it. */
  readonly problem?: string | null;
  set(value: Value): void;
  setDisabled(isDisabled: boolean): void;
}

export interface NumberOptions extends FieldOptions {
  readonly value: number | null;
  readonly min?: number;
  /** The most, or what tells it when it is asked for. */
  readonly max?: number | (() => number);
  readonly isInteger?: boolean;
  /** Whether it may be left empty, for a default that `placeholder` shows. */
  readonly isOptional?: boolean;
  readonly placeholder?: string;
  onChange?(): void;
}

/** A number as people write it, `3e-4` too; checked as it is typed. */
export function numberField(options: NumberOptions): Field<number> {
  const { min = Number.NEGATIVE_INFINITY, isInteger = false, isOptional } = options;
  const most = (): number => {
    const { max = Number.POSITIVE_INFINITY } = options;
    return typeof max === "number" ? max : max();
  };
  const id = newId("field");
  const error = h("span", { class: "error", id: `${id}-error`, hidden: true });
  const isLow = (value: number): boolean => value < min || value > most() || (isInteger && !Number.isInteger(value));
  const expected = (): string => {
    const what = isInteger ? "a whole number" : "a number";
    const max = most();
    if (Number.isFinite(min) && Number.isFinite(max)) return `Expected ${what} from ${min} to ${max}.`;
    return Number.isFinite(min) ? `Expected ${what} of at least ${min}.` : `Expected ${what}.`;
  };
  const input = h("input", {
    class: "input",
    id,
    type: "text",
    inputmode: isInteger ? "numeric" : "text",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: options.placeholder,
    "aria-describedby": `${id}-hint ${id}-error`,
    value: options.value === null ? "" : format(options.value),
    oninput: () => {
      check();
      options.onChange?.();
    },
  });
  const read = (): number | null => {
    const text = input.value.trim();
    const value = text === "" ? Number.NaN : Number(text);
    return Number.isNaN(value) || isLow(value) ? null : value;
  };
  const check = (): void => {
    const isBad = read() === null && !(isOptional && input.value.trim() === "");
    input.setAttribute("aria-invalid", String(isBad));
    error.hidden = !isBad;
    error.textContent = isBad ? expected() : "";
  };
  return {
    element: frame(id, options, input, error),
    get value() {
      return read();
    },
    get problem() {
      return error.hidden ? null : error.textContent;
    },
    set(value) {
      input.value = format(value);
      check();
    },
    setDisabled(isDisabled) {
      input.disabled = isDisabled;
    },
  };
}

const format = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential().replace("e-0", "e-") : String(value);

export interface TextOptions extends FieldOptions {
  readonly value?: string;
  readonly placeholder?: string;
  /** Lines of a text area; a single line when absent. */
  readonly lines?: number;
  onInput?(): void;
  onEnter?(): void;
}

export function textField(options: TextOptions): Field<string> {
  const id = newId("field");
  const { value = "", placeholder, lines, onInput, onEnter } = options;
  const common = {
    class: "input",
    id,
    placeholder,
    spellcheck: "false",
    autocomplete: "off",
    "aria-describedby": `${id}-hint`,
    oninput: () => onInput?.(),
  };
  const input =
    lines === undefined
      ? h("input", {
          ...common,
          type: "text",
          onkeydown: (event: KeyboardEvent) => {
            if (event.key === "Enter") onEnter?.();
          },
        })
      : h("textarea", { ...common, rows: lines });
  input.value = value;
  return {
    element: frame(id, options, input),
    get value() {
      return input.value;
    },
    set(text) {
      input.value = text;
    },
    setDisabled(isDisabled) {
      input.disabled = isDisabled;
    },
  };
}

export interface SelectOptions<Value extends string> extends FieldOptions {
  readonly options: readonly { readonly value: Value; readonly label: string }[];
  readonly value: Value;
  onChange?(value: Value): void;
}

export function selectField<Value extends string>(options: SelectOptions<Value>): Field<Value> {
  const id = newId("field");
  const select = h(
    "select",
    {
      class: "input",
      id,
      "aria-describedby": `${id}-hint`,
      onchange: () => options.onChange?.(select.value as Value),
    },
    options.options.map(({ value, label }) => h("option", { value, selected: value === options.value }, label)),
  );
  return {
    element: frame(id, options, select),
    get value() {
      return select.value as Value;
    },
    set(value) {
      select.value = value;
    },
    setDisabled(isDisabled) {
      select.disabled = isDisabled;
    },
  };
}

function frame(id: string, { label, hint }: FieldOptions, control: HTMLElement, error?: HTMLElement): HTMLElement {
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    control,
    h("span", { class: "hint", id: `${id}-hint`, hidden: hint === undefined }, hint),
    error,
  );
}
