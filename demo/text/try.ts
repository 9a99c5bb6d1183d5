import { formatCount, formatLoss, formatPercent } from "../../src/finetune/format.ts";
import type { Evaluation } from "../../src/finetune/index.ts";
import { SHOWN_WRITING } from "../../src/jobs/index.ts";
import type { DataDescription, Which } from "../../src/session/index.ts";
import { type Child, fill, h, readable } from "../shared/dom.ts";
import { textField } from "../shared/field.ts";
import type { Part } from "../shared/parts.ts";
import { confusionMatrix, dataTable } from "../shared/tables.ts";
import { showError } from "../shared/toasts.ts";
import { verdict } from "../shared/verdict.ts";
import type { App } from "./app.ts";
import { takesNewHead } from "./training.ts";

/** How long a person must not have typed before the text is read, in milliseconds. */
const PAUSE = 300;
const PROMPTS = ["Hi, are you", "The little girl looked at the", "Please call"] as const;
/** Texts that are offered, at most. */
const CHIPS = 4;
/** Classes that a matrix can show; of more the most frequent mistakes are told. */
const MOST_CLASSES = 12;
const MOST_MISTAKES = 10;

/** Part 5: a text, read or gone on with by the model before and after; and where it errs. */
export function tryPart(app: App, part: Part): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let turn = 0;
  const isClassifier = (): boolean => app.state.job?.task !== "lm";
  const text = textField({
    label: "Your text",
    lines: 3,
    placeholder: "Type something",
    onInput: () => {
      clearTimeout(timer);
      if (isClassifier()) timer = setTimeout(ask, PAUSE);
    },
  });
  const chips = h("div", { class: "chips" });
  const go = h("button", { class: "button primary", type: "button", onclick: () => void ask() }, "Write on");
  const before = h("div", { class: "card", "data-which": "before" });
  const after = h("div", { class: "card", "data-which": "after" });
  const matrix = h("div", { class: "card" });
  const answers = h("div", { class: "columns", "aria-live": "polite" }, before, after);
  const start = h("div", { class: "row" }, go);
  fill(
    part.body,
    h("div", { class: "stack" }, h("div", { class: "stack close" }, text.element, chips), start, answers, matrix),
  );
  const panels: Record<Which, HTMLElement> = { before, after };
  const show = (which: Which, ...contents: Child[]): void => {
    const isNew =
      isClassifier() && app.state.inspection !== null && takesNewHead(app.state.inspection, app.state.training);
    const note = which === "before" && isNew ? "Its head is new and guesses." : "";
    const title = which === "before" ? "Before" : "After fine-tuning";
    fill(panels[which], h("h3", {}, title, " ", h("span", { class: "soft small" }, note)), contents);
  };
  const clear = (): void => {
    const hint = isClassifier() ? "Type a text above, or take one." : "Give it a beginning, and press “Write on”.";
    for (const which of ["before", "after"] as const) show(which, h("p", { class: "soft" }, hint));
  };
  const ask = async (): Promise<void> => {
    clearTimeout(timer);
    const own = ++turn;
    const asked = (text.value ?? "").trim();
    if (asked === "") return clear();
    go.disabled = true;
    // Those who hear the page hear the answers when they are whole.
    answers.setAttribute("aria-busy", "true");
    try {
      for (const which of ["after", "before"] as const) {
        await (isClassifier() ? classify(which, asked, own) : generate(which, asked, own));
      }
    } catch (error) {
      if (own === turn) {
        showError("The text could not be read", error);
        void app.offerKept(error);
      }
    } finally {
      if (own === turn) {
        go.disabled = false;
        answers.removeAttribute("aria-busy");
      }
    }
  };
  const classify = async (which: Which, asked: string, own: number): Promise<void> => {
    const [prediction] = await app.session.predict({ texts: [asked], which });
    if (own === turn) show(which, verdict(prediction));
  };
  const generate = async (which: Which, asked: string, own: number): Promise<void> => {
    const written = h("span", {});
    show(which, h("p", { class: "sample" }, h("span", { class: "soft" }, asked), written));
    const { maximumNewTokens, ...sampling } = SHOWN_WRITING;
    for await (const piece of app.session.generate({
      prompt: asked,
      which,
      maxNewTokens: maximumNewTokens,
      ...sampling,
    })) {
      if (own !== turn) return;
      written.append(piece);
    }
  };
  clear();

  let shown: Evaluation | null | undefined;
  app.store.watch((state, was) => {
    const { run, job, description } = state;
    // A run can be tried while it goes; before its first step there is nothing to compare.
    const isReady = run !== null && run.lastStep !== null && run.phase !== "failed";
    part.setReady(isReady);
    if (run !== was?.run || job !== was?.job || description !== was?.description) {
      const own = description?.examples ?? [];
      const prompts = [...(description?.prompts ?? []), ...PROMPTS];
      const examples = job?.task === "lm" ? prompts.slice(0, CHIPS) : ofEveryLabel(own);
      fill(
        chips,
        examples.map((example) =>
          chip(example, () => {
            text.set(example);
            void ask();
          }),
        ),
      );
      start.hidden = isClassifier();
    }
    if (run !== was?.run) {
      turn++;
      go.disabled = false;
      clear();
      part.setDone(false);
    }
    if (state.tick === was?.tick || !run) return;
    const isEnded = run.phase === "ended" && run.best !== null;
    const evaluation = isEnded ? run.best : run.latest;
    if (evaluation === shown) return part.setDone(run.phase === "ended");
    shown = evaluation;
    matrix.hidden = !evaluation?.confusionMatrix;
    if (evaluation?.confusionMatrix && evaluation.labels) {
      const { accuracy = 0, macroF1 = 0, loss } = evaluation;
      const step = isEnded ? (run.bestStep ?? 0) : run.latestStep;
      const facts: [string, string, string][] = [
        ["Accuracy", formatPercent(accuracy), "Texts that it labels rightly."],
        ["Macro F1", formatPercent(macroF1), "Found and not mistaken, each class counted alike."],
        ["Loss", formatLoss(loss), "Lower where it is surer of what is true."],
      ];
      fill(
        matrix,
        h("h3", {}, "The validation set ", h("span", { class: "soft small" }, `after step ${formatCount(step)}`)),
        h(
          "div",
          { class: "columns" },
          evaluation.labels.length > MOST_CLASSES
            ? mistakesTable(evaluation.labels, evaluation.confusionMatrix)
            : confusionMatrix(evaluation.labels, evaluation.confusionMatrix),
          h(
            "dl",
            { class: "facts explained" },
            facts.map(([term, value, hint]) => [
              h("dt", {}, term),
              h("dd", {}, value),
              h("dd", { class: "soft small" }, hint),
            ]),
          ),
        ),
      );
    }
    part.setDone(run.phase === "ended");
  });
}

/** What is taken for what, the most frequent first. */
function mistakesTable(labels: readonly string[], counts: readonly (readonly number[])[]): HTMLElement {
  const mistakes = counts.flatMap((row, i) =>
    row.flatMap((count, j) => (i === j || count === 0 ? [] : { i, j, count })),
  );
  const most = mistakes.sort((a, b) => b.count - a.count).slice(0, MOST_MISTAKES);
  return dataTable(
    most.length === 0 ? "No mistakes" : "What is most often mistaken",
    [{ title: "It is" }, { title: "The model says" }, { title: "Texts", kind: "number" }],
    most.map(({ i, j, count }) => [labels[i], labels[j], formatCount(count)]),
  );
}

/** A few texts, of every label in turn. */
function ofEveryLabel(examples: DataDescription["examples"]): readonly string[] {
  const byLabel = new Map<string, string[]>();
  for (const { label = "", text } of examples) byLabel.set(label, [...(byLabel.get(label) ?? []), readable(text)]);
  return [0, 1].flatMap((i) => [...byLabel.values()].flatMap((texts) => texts[i] ?? [])).slice(0, CHIPS);
}

function chip(text: string, onclick: () => void): HTMLElement {
  return h("button", { class: "chip", type: "button", onclick, title: text }, h("span", { class: "truncate" }, text));
}
