import { formatCount, formatPercent } from "../../src/finetune/format.ts";
import type { DataDescription } from "../../src/session/index.ts";
import { barList, histogram } from "../shared/bars.ts";
import { choiceCards, segments } from "../shared/choices.ts";
import { fill, h, readable } from "../shared/dom.ts";
import { acceptDrops, type Dropped, dropZone } from "../shared/drop-zone.ts";
import { selectField } from "../shared/field.ts";
import type { Part } from "../shared/parts.ts";
import { dataTable } from "../shared/tables.ts";
import { sentence, showError } from "../shared/toasts.ts";
import { type App, isBusy, refuseWhileBusy, type State, type TextTask } from "./app.ts";
import { columnFields } from "./columns.ts";
import { bundledMessages, DEFAULT_MESSAGES, fileData, MESSAGE_COUNTS } from "./sources.ts";
import { typedExamples } from "./typed-examples.ts";

type Where = "bundled" | "file" | "typed";

/** Characters of an example that are shown. */
const LONGEST_SHOWN = 180;

/** Part 2: the bundled messages, a dropped file, or typed examples; and what is in them. */
export function dataPart(app: App, part: Part): void {
  let where: Where | null = "bundled";
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
    value: "bundled",
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
  const useBundled = (): void => {
    const wanted = Number(count.value);
    void app.chooseData("SMS spam", bundledMessages(wanted));
  };
  const takeFile = (dropped: Dropped): void => {
    if (isBusy(app.state)) {
      refuseWhileBusy("other examples");
      return;
    }
    const files = dropped instanceof DataTransfer ? dropped.files : dropped;
    if (files.length !== 1) {
      showError("These data cannot be used", new Error(`expected one file, got ${files.length}`));
      return;
    }
    where = "file";
    cards.set(where);
    show();
    void app.chooseData(files[0].name, fileData(files[0]));
  };
  const file = dropZone({
    button: "Choose a file",
    hint: "Or drop it here: .tsv, .csv, .jsonl or .txt, in UTF-8.",
    accept: ".tsv,.csv,.jsonl,.ndjson,.txt",
    onDrop: takeFile,
  });
  acceptDrops(part.body, takeFile);
  const typed = typedExamples(
    (data) => void app.chooseData("The typed examples", data),
    () => app.state.task === "classify",
  );
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
    columnFields(app),
    typed.element,
  );
  const view = h("div", { class: "stack" });
  const reading = h("p", { class: "soft", role: "status" });
  const problem = h("div", { class: "notice problem", role: "alert" });
  const examples = h("div");
  fill(
    part.body,
    h(
      "div",
      { class: "stack" },
      h("div", { class: "columns wide-first" }, controls, h("div", { class: "stack" }, reading, problem, view)),
      examples,
    ),
  );

  app.store.watch((state, before) => {
    part.setReady(state.inspection !== null || state.data !== null);
    controls.disabled = isBusy(state);
    if (state.inspection && !before?.inspection && !state.data && where === "bundled") useBundled();
    task.set(state.task);
    if (before && state.task !== before.task) typed.setLabelled(state.task === "classify");
    // Of a run that was picked up: none of what can be chosen here.
    if (before && state.data !== before.data && state.data === state.job?.data) {
      where = null;
      cards.set(where);
      show();
    }
    // What is a classifier already does not write.
    task.element.hidden = state.inspection?.tasks.length === 1;
    const words = state.readingData === null ? "" : `${state.readingData}: being read.`;
    if (reading.textContent !== words) reading.textContent = words;
    reading.hidden = words === "";
    const { description, dataProblem } = state;
    if (before && description === before.description && dataProblem === before.dataProblem) return;
    part.setDone(description !== null && dataProblem === null);
    problem.hidden = dataProblem === null;
    const advice = state.task === "classify" ? "Take a file with labels, or let the model write like it." : "";
    fill(
      problem,
      dataProblem !== null &&
        h("div", {}, h("h3", {}, titleOf(state)), h("p", {}, sentence(dataProblem)), h("p", {}, advice)),
    );
    const shown = dataProblem === null ? description : null;
    fill(view, shown && [summary(shown, state), classBars(shown), lengths(shown, state)]);
    fill(examples, shown && exampleTable(shown));
  });
}

const titleOf = ({ task }: State): string =>
  task === "lm" ? "The model cannot learn to write from these" : "These cannot be told apart";

function summary({ name, train, valid, classes }: DataDescription, { task, training }: State): HTMLElement {
  const unit = task === "lm" ? `windows of ${training.maxLength} tokens` : "texts";
  return h(
    "dl",
    { class: "facts", "data-name": name },
    h("dt", {}, "Data"),
    h("dd", {}, name),
    h("dt", {}, "To learn from"),
    h("dd", {}, `${formatCount(train)} ${unit}`),
    h("dt", {}, "To check with"),
    h("dd", {}, `${formatCount(valid)} ${classes.length > 0 ? "that it does not learn from" : unit}`),
  );
}

/** Classes that have a bar, at most. */
const MOST_BARS = 12;

function classBars({ classes, train, valid }: DataDescription): HTMLElement | null {
  if (classes.length === 0) return null;
  const all = classes.map(({ label, train, valid }) => ({ label, count: train + valid }));
  const isLong = all.length > MOST_BARS;
  const shown = isLong ? [...all].sort((a, b) => b.count - a.count).slice(0, MOST_BARS) : all;
  const left = all.length - shown.length;
  const most = Math.max(...all.map(({ count }) => count));
  return h(
    "div",
    { class: "stack close" },
    h("h3", {}, isLong ? `The largest of ${formatCount(all.length)} classes` : "Classes"),
    barList(
      "Examples of each class",
      shown.map(({ label, count }) => ({
        name: label,
        share: count / most,
        text: `${formatCount(count)} · ${formatPercent(count / (train + valid), 0)}`,
        isStrong: true,
      })),
    ),
    left > 0 && h("p", { class: "soft small" }, `And ${formatCount(left)} more.`),
  );
}

function lengths({ lengths, train, classes }: DataDescription, { training, inspection }: State): HTMLElement | null {
  // Windows of running text are all of one length.
  if (!lengths || classes.length === 0) return null;
  const limit = Math.min(training.maxLength, inspection?.positions ?? training.maxLength);
  const isCut = lengths.cut > 0;
  const caption = isCut
    ? `${formatCount(lengths.cut)} of ${formatCount(train)} texts ${lengths.cut === 1 ? "is" : "are"} longer than ${limit} tokens, and cut there.`
    : `The longest text has ${formatCount(lengths.longest)} tokens.`;
  return h(
    "div",
    { class: "stack close" },
    h("h3", {}, "Lengths"),
    histogram({
      ...{ caption, bins: lengths.bins, one: "text", many: "texts" },
      last: isCut ? `${formatCount(limit)} tokens and more` : `${formatCount(lengths.longest)} tokens`,
    }),
  );
}

/** Rows of the table of examples, at most. */
const MOST_ROWS = 12;

function exampleTable({ examples, classes }: DataDescription): HTMLElement | null {
  if (examples.length === 0) return null;
  // Of many classes one example each.
  const each = Math.max(1, Math.floor(MOST_ROWS / Math.max(1, classes.length)));
  const counts = new Map<string, number>();
  const some = examples.filter(({ label = "" }) => {
    const count = (counts.get(label) ?? 0) + 1;
    counts.set(label, count);
    return count <= each;
  });
  const shown = some.slice(0, MOST_ROWS).map(({ text, label }) => ({
    label,
    text:
      readable([...text.slice(0, 2 * LONGEST_SHOWN)].slice(0, LONGEST_SHOWN).join("")) +
      (text.length > LONGEST_SHOWN ? "…" : ""),
  }));
  return classes.length > 0
    ? dataTable(
        "A few of them",
        [{ title: "Label" }, { title: "Text", kind: "text" }],
        shown.map(({ label, text }) => [label ?? "", text]),
      )
    : dataTable(
        "A few beginnings",
        [{ title: "Text", kind: "text" }],
        shown.map(({ text }) => [text]),
      );
}
