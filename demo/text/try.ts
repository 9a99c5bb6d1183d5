import { formatLoss, formatPercent } from "../../src/finetune/format.ts";
import type { DataDescription, Which } from "../../src/session/index.ts";
import { fill, h, readable } from "../shared/dom.ts";
import { textField } from "../shared/field.ts";
import type { Part } from "../shared/parts.ts";
import { confusionMatrix } from "../shared/tables.ts";
import { showError } from "../shared/toasts.ts";
import { verdict } from "../shared/verdict.ts";
import type { App } from "./app.ts";

/** How long a person must not have typed before the text is read, in milliseconds. */
const PAUSE = 300;
const PROMPTS = ["Hi, are you", "The little girl looked at the", "Please call"] as const;
const TOKENS = 40;
/** Texts that are offered, at most. */
const CHIPS = 4;

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
  const chips = h("div", { class: "row" });
  const go = h("button", { class: "button primary", type: "button", onclick: () => void ask() }, "Write on");
  const before = h("div", { class: "card", "data-which": "before" });
  const after = h("div", { class: "card", "data-which": "after" });
  const matrix = h("div", { class: "card" });
  fill(
    part.body,
    h(
      "div",
      { class: "stack" },
      h("div", { class: "stack close" }, text.element, chips),
      h("div", { class: "row" }, go),
      h("div", { class: "columns", "aria-live": "polite" }, before, after),
      matrix,
    ),
  );
  const panels: Record<Which, HTMLElement> = { before, after };
  const titles: Record<Which, string> = { before: "Before", after: "After fine-tuning" };

  const clear = (): void => {
    for (const which of ["before", "after"] as const)
      fill(panels[which], h("h3", {}, titles[which]), h("p", { class: "soft" }, "–"));
  };
  const ask = async (): Promise<void> => {
    clearTimeout(timer);
    const own = ++turn;
    const asked = (text.value ?? "").trim();
    if (asked === "") return clear();
    go.disabled = true;
    try {
      for (const which of ["after", "before"] as const) {
        await (isClassifier() ? classify(which, asked, own) : generate(which, asked, own));
      }
    } catch (error) {
      if (own === turn) showError("The text could not be read", error);
    } finally {
      go.disabled = false;
    }
  };
  const classify = async (which: Which, asked: string, own: number): Promise<void> => {
    const [prediction] = await app.session.predict({ texts: [asked], which });
    if (own === turn) fill(panels[which], h("h3", {}, titles[which]), verdict(prediction));
  };
  const generate = async (which: Which, asked: string, own: number): Promise<void> => {
    const written = h("span", {});
    fill(
      panels[which],
      h("h3", {}, titles[which]),
      h("p", { class: "sample" }, h("span", { class: "soft" }, asked), written),
    );
    for await (const piece of app.session.generate({
      prompt: asked,
      which,
      maxNewTokens: TOKENS,
      temperature: 0.8,
      topK: 40,
      seed: 1,
    })) {
      if (own !== turn) return;
      written.append(piece);
    }
  };
  clear();

  app.store.watch((state, was) => {
    const { run, job, description } = state;
    // A run can be tried while it goes; before its first step there is nothing to compare.
    const isReady = run !== null && run.lastStep !== null && run.phase !== "failed";
    part.setReady(isReady);
    if (run !== was?.run || job !== was?.job || description !== was?.description) {
      const examples = job?.task === "lm" ? PROMPTS : ofEveryLabel(description?.examples ?? []);
      fill(
        chips,
        examples.map((example) =>
          chip(example, () => {
            text.set(example);
            void ask();
          }),
        ),
      );
      go.hidden = isClassifier();
    }
    if (run !== was?.run) {
      turn++;
      clear();
      part.setDone(false);
    }
    if (state.tick === was?.tick || !run) return;
    const evaluation = run.phase === "ended" ? (run.best ?? run.latest) : run.latest;
    matrix.hidden = !evaluation?.confusionMatrix;
    if (evaluation?.confusionMatrix && evaluation.labels) {
      const { accuracy = 0, macroF1 = 0, loss } = evaluation;
      const facts: [string, string][] = [
        ["Accuracy", formatPercent(accuracy)],
        ["Macro F1", formatPercent(macroF1)],
        ["Loss", formatLoss(loss)],
      ];
      fill(
        matrix,
        h("h3", {}, "The validation set"),
        h(
          "div",
          { class: "columns" },
          confusionMatrix(evaluation.labels, evaluation.confusionMatrix),
          h(
            "dl",
            { class: "facts" },
            facts.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]),
          ),
        ),
      );
    }
    part.setDone(run.phase === "ended");
  });
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
