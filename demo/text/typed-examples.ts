import type { DataSource } from "../../src/jobs/index.ts";
import { fill, h, newId } from "../shared/dom.ts";
import { icon } from "../shared/icons.ts";
import { type TypedExample, typedData, typedProblem } from "./sources.ts";

/** How long a person must not have typed before the examples are taken, in milliseconds; on leaving a field they are at once. */
const PAUSE = 500;
const ROWS = 4;

export interface TypedExamples {
  readonly element: HTMLElement;
  /** Takes the examples as they are, if they are enough. */
  use(): void;
  /** Shows the labels, or texts alone. */
  setLabelled(isLabelled: boolean): void;
}

/** Rows of a label and a text. What is written is taken by itself as soon as it is enough. */
export function typedExamples(onChange: (data: DataSource) => void, isLabelled: () => boolean): TypedExamples {
  const rows: { label: HTMLInputElement; text: HTMLInputElement; element: HTMLElement }[] = [];
  const list = h("ol", { class: "stack close typed" });
  const labels = h("datalist", { id: newId("labels") });
  const state = h("p", { class: "small soft", role: "status" });
  let timer: ReturnType<typeof setTimeout> | undefined;

  const read = (): TypedExample[] => rows.map(({ label, text }) => ({ label: label.value, text: text.value }));
  const use = (): void => {
    clearTimeout(timer);
    const examples = read();
    say();
    if (typedProblem(examples, isLabelled()) === null) onChange(typedData(examples, isLabelled()));
  };
  /** What is still missing, and the labels so far to be chosen from. */
  const say = (): void => {
    const problem = typedProblem(read(), isLabelled()) ?? "";
    if (state.textContent !== problem) state.textContent = problem;
    const known = new Set(rows.map(({ label }) => label.value.trim()).filter((label) => label !== ""));
    fill(
      labels,
      [...known].map((value) => h("option", { value })),
    );
  };
  const changed = (): void => {
    say();
    clearTimeout(timer);
    timer = setTimeout(use, PAUSE);
  };
  const add = (example: TypedExample = { label: "", text: "" }): void => {
    const id = newId("typed");
    const onkeydown = (event: KeyboardEvent): void => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (rows.at(-1)?.element === element) add({ label: label.value, text: "" });
      rows[rows.findIndex((row) => row.element === element) + 1].text.focus();
    };
    const common = {
      class: "input",
      type: "text",
      autocomplete: "off",
      spellcheck: "false",
      oninput: changed,
      onchange: use,
    };
    const label = h("input", {
      ...common,
      id: `${id}-label`,
      "aria-label": "Label",
      placeholder: "label",
      list: labels.id,
    });
    const text = h("input", { ...common, id: `${id}-text`, "aria-label": "Text", placeholder: "text", onkeydown });
    const remove = h(
      "button",
      { class: "icon-button", type: "button", "aria-label": "Remove this example", onclick: () => drop() },
      icon("close"),
    );
    const element = h("li", {}, label, text, remove);
    const drop = (): void => {
      rows.splice(
        rows.findIndex((row) => row.element === element),
        1,
      );
      element.remove();
      if (rows.length === 0) add();
      changed();
    };
    label.value = example.label;
    text.value = example.text;
    rows.push({ label, text, element });
    list.append(element);
  };
  for (let i = 0; i < ROWS; i++) add();
  const element = h(
    "div",
    { class: "stack close" },
    list,
    labels,
    h(
      "div",
      { class: "row" },
      h(
        "button",
        {
          class: "button small",
          type: "button",
          onclick: () => add({ label: rows.at(-1)?.label.value ?? "", text: "" }),
        },
        "Add a row",
      ),
      h("button", { class: "button quiet small", type: "button", onclick: () => fillIn() }, "Fill in some"),
    ),
    state,
  );
  const fillIn = (): void => {
    rows.splice(0);
    fill(list);
    for (const example of SAMPLES) add(example);
    use();
  };
  return {
    element,
    use,
    setLabelled(labelled) {
      list.classList.toggle("plain", !labelled);
      if (!element.hidden) use();
      else say();
    },
  };
}

const SAMPLES: readonly TypedExample[] = [
  { label: "question", text: "When does the train to the coast leave?" },
  { label: "question", text: "How many people live in this house?" },
  { label: "question", text: "Why did she close the window?" },
  { label: "question", text: "Where have you put the keys?" },
  { label: "statement", text: "The train to the coast leaves at noon." },
  { label: "statement", text: "Seven people live in this house." },
  { label: "statement", text: "She closed the window because it was cold." },
  { label: "statement", text: "The keys are in the drawer." },
];
