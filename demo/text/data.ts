import { formatCount, formatPercent } from "../../src/finetune/format.ts";
import type { DataDescription } from "../../src/session/index.ts";
import { barList, histogram } from "../shared/bars.ts";
import { choiceCards, segments } from "../shared/choices.ts";
import { fill, h, readable } from "../shared/dom.ts";
import { dropZone } from "../shared/drop-zone.ts";
import { selectField } from "../shared/field.ts";
import type { Part } from "../shared/parts.ts";
import { dataTable } from "../shared/tables.ts";
import { showError } from "../shared/toasts.ts";
import { type App, isBusy, type State, type TextTask } from "./app.ts";
import { bundledMessages, DEFAULT_MESSAGES, fileData, MESSAGE_COUNTS } from "./sources.ts";
import { typedExamples } from "./typed-examples.ts";

type Where = "bundled" | "file" | "typed";

/** Characters of an example that are shown. */
const LONGEST_SHOWN = 180;

/** Part 2: the bundled messages, a dropped file, or typed examples; and what is in them. */
export function dataPart(app: App, part: Part): void {
  let where: Where = "bundled";
  const task = segments<TextTask>({
    label: "What the model learns",
    value: "classify",
    options: [
      { value: "classify", label: "Tell texts apart" },
      { value: "lm", label: "Write like them" },
    ],
    onChange: (value) => void app.setTask(value),
  });
  const cards = choiceCards<Where>({
    label: "Where the examples come from",
    value: where,
    options: [
      { value: "bundled", label: "SMS spam", text: "Comes with the page: messages that are spam, or not (ham)." },
      {
        value: "file",
        label: "A file of yours",
        text: "A .tsv, .csv or .jsonl with a label and a text a line; .txt to write like it.",
      },
      { value: "typed", label: "Typed here", text: "A few texts of each label, written by hand." },
    ],
    onChange: (chosen) => {
      where = chosen;
      show();
      if (chosen === "bundled") useBundled();
      if (chosen === "typed") typed.use();
    },
  });
  const count = selectField({
    label: "Messages",
    hint: "Drawn with the shares of the classes.",
    value: String(DEFAULT_MESSAGES),
    options: MESSAGE_COUNTS.map((n) => ({
      value: String(n),
      label: n === MESSAGE_COUNTS.at(-1) ? `all ${formatCount(n)}` : formatCount(n),
    })),
    onChange: () => useBundled(),
  });
  const useBundled = (): void => void app.chooseData(bundledMessages(Number(count.value)));
  const file = dropZone({
    button: "Choose a file",
    hint: "Or drop it here: .tsv, .csv, .jsonl or .txt, in UTF-8.",
    accept: ".tsv,.csv,.jsonl,.ndjson,.txt",
    onDrop: (dropped) => {
      const files = dropped instanceof DataTransfer ? dropped.files : dropped;
      if (files.length === 1) void app.chooseData(fileData(files[0]));
      else showError("These data cannot be used", new Error(`expected one file, got ${files.length}`));
    },
  });
  const typed = typedExamples((data) => void app.chooseData(data));
  const show = (): void => {
    count.element.hidden = where !== "bundled";
    file.hidden = where !== "file";
    typed.element.hidden = where !== "typed";
  };
  show();
  const controls = h(
    "fieldset",
    { class: "stack" },
    h("div", {}, task.element),
    cards.element,
    count.element,
    file,
    typed.element,
  );
  const view = h("div", { class: "stack" });
  const examples = h("div");
  fill(part.body, h("div", { class: "stack" }, h("div", { class: "columns wide-first" }, controls, view), examples));

  app.store.watch((state, before) => {
    part.setReady(state.inspection !== null || state.data !== null);
    controls.disabled = isBusy(state);
    if (state.inspection && !before?.inspection && !state.data && where === "bundled") useBundled();
    task.set(state.task);
    // Of a run that was picked up: none of what can be chosen here.
    if (before && state.data !== before.data && state.data === state.job?.data) cards.set(null);
    // What is a classifier already does not write.
    task.element.hidden = state.inspection?.tasks.length === 1;
    const { description } = state;
    if (description === before?.description) return;
    part.setDone(description !== null);
    fill(view, description && [summary(description), classes(description), lengths(description, state)]);
    fill(examples, description && exampleTable(description));
  });
}

function summary({ name, train, valid }: DataDescription): HTMLElement {
  return h(
    "dl",
    { class: "facts", "data-name": name },
    h("dt", {}, "Data"),
    h("dd", {}, name),
    h("dt", {}, "To learn from"),
    h("dd", {}, formatCount(train)),
    h("dt", {}, "To check with"),
    h("dd", {}, formatCount(valid)),
  );
}

function classes({ classes, train, valid }: DataDescription): HTMLElement | null {
  if (classes.length === 0) return null;
  const most = Math.max(...classes.map((one) => one.train + one.valid));
  return h(
    "div",
    { class: "stack close" },
    h("h3", {}, "Classes"),
    barList(
      "Examples of each class",
      classes.map((one) => {
        const all = one.train + one.valid;
        return {
          name: one.label,
          share: all / most,
          text: `${formatCount(all)} · ${formatPercent(all / (train + valid), 0)}`,
          isStrong: true,
        };
      }),
    ),
  );
}

function lengths({ lengths, train }: DataDescription, { training, inspection }: State): HTMLElement | null {
  if (!lengths) return null;
  const limit = Math.min(training.maxLength, inspection?.positions ?? training.maxLength);
  const caption =
    lengths.cut > 0
      ? `${formatCount(lengths.cut)} of ${formatCount(train)} texts are longer than ${limit} tokens, and are cut there.`
      : `The longest text has ${formatCount(lengths.longest)} tokens.`;
  return h(
    "div",
    { class: "stack close" },
    h("h3", {}, "Lengths"),
    histogram({ caption, bins: lengths.bins, unit: "tokens" }),
  );
}

function exampleTable({ examples, classes }: DataDescription): HTMLElement | null {
  if (examples.length === 0) return null;
  const shown = examples.map(({ text, label }) => ({
    label,
    text: readable(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text),
  }));
  return classes.length > 0
    ? dataTable(
        "A few of them",
        [{ title: "Label" }, { title: "Text", kind: "text" }],
        shown.map(({ label, text }) => [label ?? "", text]),
      )
    : dataTable(
        "A few of them",
        [{ title: "Text", kind: "text" }],
        shown.map(({ text }) => [text]),
      );
}
