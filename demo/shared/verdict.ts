import { formatPercent } from "../../src/finetune/format.ts";
import type { Prediction } from "../../src/session/index.ts";
import { barList } from "./bars.ts";
import { h } from "./dom.ts";

/** The label that a model gives, with the probabilities of all. */
export function verdict({ label, probability, classes }: Prediction): HTMLElement[] {
  return [
    h("p", { class: "verdict" }, label),
    barList(
      "Probabilities",
      classes.map((one) => ({
        name: one.label,
        share: one.probability,
        text: formatPercent(one.probability),
        isStrong: one.label === label,
      })),
    ),
    h("p", { class: "visually-hidden" }, `${label}, ${formatPercent(probability)}`),
  ];
}
