import { formatPercent } from "../../src/finetune/format.ts";
import type { Prediction } from "../../src/session/index.ts";
import { type Bar, barList, liveBars } from "./bars.ts";
import { type Child, fill, h } from "./dom.ts";

const barOf = (one: Prediction["classes"][number], label: string): Bar => ({
  name: one.label,
  share: one.probability,
  text: formatPercent(one.probability),
  isStrong: one.label === label,
});

/** Classes whose probabilities are shown, at most. */
const MOST = 8;

/** The label that a model gives, with the probabilities of all classes, or of the most probable. */
export function verdict({ label, probability, classes }: Prediction): Child[] {
  return [
    h("p", { class: "verdict" }, label),
    barList(
      "Probabilities",
      classes.slice(0, MOST).map((one) => barOf(one, label)),
    ),
    classes.length > MOST && h("p", { class: "soft small" }, `And ${classes.length - MOST} less probable ones.`),
    h("p", { class: "visually-hidden" }, `${label}, ${formatPercent(probability)}`),
  ];
}

export interface VerdictCard {
  readonly element: HTMLElement;
  /** Shows what a model says, or, without, the classes that it tells apart. */
  show(prediction: Prediction | null, labels?: readonly string[]): void;
}

/** A card for what one model says again and again: classes keep their places, and bars grow and shrink. */
export function verdictCard(title: string): VerdictCard {
  const label = h("p", { class: "verdict" });
  const bars = liveBars("Probabilities");
  return {
    element: h("div", { class: "card stack close" }, h("h3", {}, title), label, bars.element),
    show(prediction, labels = []) {
      label.classList.toggle("none", prediction === null);
      fill(label, prediction?.label ?? "–");
      bars.show(
        prediction
          ? inOrder(prediction.classes).map((one) => barOf(one, prediction.label))
          : inOrder(labels.map((name) => ({ label: name }))).map(({ label: name }) => ({ name, share: 0, text: "–" })),
      );
    },
  };
}

const inOrder = <T extends { readonly label: string }>(classes: readonly T[]): T[] =>
  [...classes].sort((a, b) => (a.label < b.label ? -1 : 1));
