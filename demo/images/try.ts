import { formatPercent } from "../../src/finetune/format.ts";
import { decodeImage, droppedFiles } from "../../src/io/browser/index.ts";
import type { Which } from "../../src/session/index.ts";
import { fill, h } from "../shared/dom.ts";
import { dropZone } from "../shared/drop-zone.ts";
import type { Part } from "../shared/parts.ts";
import { confusionMatrix } from "../shared/tables.ts";
import { showError } from "../shared/toasts.ts";
import { verdict } from "../shared/verdict.ts";
import type { App } from "./app.ts";
import { drawingPad } from "./pad.ts";

const TITLES: Readonly<Record<Which, string>> = { before: "Before", after: "After training" };

/** Part 4: a drawing or a picture, classified by the head as it was and as it is; the validation set. */
export function tryPart(app: App, part: Part): void {
  const pad = drawingPad("Drawing pad to try", () => void readPad());
  const shown = h("img", { class: "tried", alt: "The picture that was dropped", hidden: true });
  const clear = h(
    "button",
    { class: "button quiet small", type: "button", onclick: () => pad.clear() },
    "Clear the pad",
  );
  const drop = dropZone({
    button: "Choose a picture",
    hint: "Or drop it here: PNG, JPEG or WebP.",
    accept: "image/png,image/jpeg,image/webp",
    onDrop: async (dropped) => {
      try {
        const [first] = await droppedFiles(dropped);
        if (!first) return;
        await decodeImage(first.file, first.file.name);
        pad.clear();
        show(first.file);
      } catch (error) {
        showError("This is no picture that can be used", error);
      }
    },
  });
  const panels: Record<Which, HTMLElement> = {
    before: h("div", { class: "card stack close" }),
    after: h("div", { class: "card stack close" }),
  };
  const matrix = h("div", { class: "stack close", hidden: true });
  fill(
    part.body,
    h(
      "div",
      { class: "stack" },
      h(
        "div",
        { class: "examples" },
        h("div", { class: "stack close" }, pad.element, h("div", { class: "row" }, clear), drop, shown),
        h("div", { class: "columns", "aria-live": "polite" }, panels.after, panels.before),
      ),
      matrix,
    ),
  );

  let asked: Blob | null = null;
  let isAsking = false;
  const empty = (): void => {
    for (const which of ["after", "before"] as const)
      fill(panels[which], h("h3", {}, TITLES[which]), h("p", { class: "soft" }, "–"));
  };
  const show = (image: File): void => {
    if (shown.src) URL.revokeObjectURL(shown.src);
    shown.src = URL.createObjectURL(image);
    shown.hidden = false;
    ask(image);
  };
  const readPad = async (): Promise<void> => {
    const drawing = await pad.drawing();
    if (drawing) {
      shown.hidden = true;
      ask(drawing);
    } else if (shown.hidden) {
      asked = null;
      empty();
    }
  };
  /** Asks for the newest picture; those that came while another was asked for are passed over but for the last. */
  const ask = (image: Blob): void => {
    asked = image;
    if (!isAsking) void answer();
  };
  const answer = async (): Promise<void> => {
    isAsking = true;
    try {
      for (let image = asked; image !== null; image = asked === image ? null : asked) {
        for (const which of ["after", "before"] as const) {
          const prediction = await app.predict(image, which);
          if (asked === image) fill(panels[which], h("h3", {}, TITLES[which]), verdict(prediction));
        }
      }
    } catch (error) {
      showError("The picture could not be read", error);
    } finally {
      isAsking = false;
    }
  };
  empty();

  app.store.watch((state, before) => {
    const { run } = state;
    const isReady = run !== null && run.lastStep !== null && run.phase !== "failed";
    part.setReady(isReady);
    if (state.tick === before?.tick) return;
    const hasEnded = run?.phase === "ended";
    // What is on the pad is asked anew when the head has changed for good.
    if (hasEnded && isReady && asked) ask(asked);
    const evaluation = hasEnded ? (run.best ?? run.latest) : run?.latest;
    matrix.hidden = !evaluation?.confusionMatrix;
    if (evaluation?.confusionMatrix && evaluation.labels) {
      fill(
        matrix,
        h("h3", {}, "The pictures that were kept aside"),
        h("p", { class: "small soft" }, `${formatPercent(evaluation.accuracy ?? 0)} of ${evaluation.count} are right.`),
        confusionMatrix(evaluation.labels, evaluation.confusionMatrix),
      );
    }
    part.setDone(hasEnded && isReady);
  });
}
