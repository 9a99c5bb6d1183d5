import { formatPercent } from "../../src/finetune/format.ts";
import { decodeImage, droppedFiles, IMAGE_TYPES } from "../../src/io/browser/index.ts";
import type { Prediction, Which } from "../../src/session/index.ts";
import { fill, h } from "../shared/dom.ts";
import { type Dropped, dropZone } from "../shared/drop-zone.ts";
import type { Part } from "../shared/parts.ts";
import { confusionMatrix } from "../shared/tables.ts";
import { showError } from "../shared/toasts.ts";
import { verdictCard } from "../shared/verdict.ts";
import type { App, State } from "./app.ts";
import { drawingPad } from "./pad.ts";

const TITLES: Readonly<Record<Which, string>> = { after: "After training", before: "Before" };
const BOTH = ["after", "before"] as const satisfies readonly Which[];

/** Part 4: a drawing or a picture, classified as it is drawn by the head as it is and as it was; the validation set. */
export function tryPart(app: App, part: Part): void {
  const pad = drawingPad("Drawing pad to try", () => {
    if (!pad.isEmpty) hidePicture();
    ask("pad");
  });
  // A picture lies over the pad until something is drawn.
  const picture = h("img", { class: "tried", alt: "The picture that was dropped", hidden: true });
  pad.element.append(picture);
  const clear = h(
    "button",
    {
      ...{ class: "button quiet small", type: "button" },
      onclick: () => {
        hidePicture();
        pad.clear();
      },
    },
    "Clear the pad",
  );
  const drop = dropZone({
    button: "Choose a picture",
    hint: "Or drop it here: PNG, JPEG or WebP.",
    accept: IMAGE_TYPES,
    onDrop: (dropped) => void take(dropped),
  });
  const cards = { after: verdictCard(TITLES.after), before: verdictCard(TITLES.before) };
  const spoken = h("p", { class: "visually-hidden", role: "status" });
  const matrix = h("div", { class: "stack close", hidden: true });
  fill(
    part.body,
    h(
      "div",
      { class: "stack" },
      h(
        "div",
        { class: "trial" },
        pad.element,
        h("div", { class: "columns" }, cards.after.element, cards.before.element, spoken),
        h("div", { class: "stack close" }, h("div", { class: "row" }, pad.undo, clear), drop),
      ),
      matrix,
    ),
  );

  let asked: Blob | "pad" | null = null;
  let turn = 0;
  let isAsking = false;
  const hidePicture = (): void => {
    if (picture.src) URL.revokeObjectURL(picture.src);
    picture.removeAttribute("src");
    picture.hidden = true;
  };
  const take = async (dropped: Dropped): Promise<void> => {
    try {
      const [first] = await droppedFiles(dropped);
      if (!first) return;
      await decodeImage(first.file, first.file.name);
      pad.clear();
      hidePicture();
      picture.src = URL.createObjectURL(first.file);
      picture.hidden = false;
      ask(first.file);
    } catch (error) {
      showError("This is no picture that can be used", error);
    }
  };
  /** Asks for what is there now; what came while another was asked for is passed over but for the last. */
  const ask = (what: Blob | "pad" | null): void => {
    asked = what;
    turn++;
    if (!isAsking) void answer();
  };
  const answer = async (): Promise<void> => {
    isAsking = true;
    try {
      for (let answered = -1; answered !== turn; ) {
        answered = turn;
        const image = asked === "pad" ? await pad.drawing() : asked;
        const said: string[] = [];
        for (const which of BOTH) {
          const prediction = image && isReady() ? await app.predict(image, which) : null;
          cards[which].show(prediction, labelsOf(app.state));
          if (prediction) said.push(`${TITLES[which]}: ${wordsOf(prediction)}.`);
        }
        // Read out once the pen rests, not at every bit of a stroke.
        if (answered === turn) spoken.textContent = said.join(" ");
      }
    } catch (error) {
      if (app.state.isLost) showLoss(app);
      else showError("The picture could not be read", error);
    } finally {
      isAsking = false;
    }
  };

  const isReady = (): boolean => {
    const { run, isLost } = app.state;
    return !isLost && run !== null && run.lastStep !== null && run.phase !== "failed";
  };

  app.store.watch((state, before) => {
    const { run } = state;
    part.setReady(isReady());
    if (state.tick === before?.tick) return;
    const hasEnded = run?.phase === "ended";
    if (run !== before?.run) for (const which of BOTH) cards[which].show(null, labelsOf(state));
    // What is there is asked anew when the head has changed for good.
    if (hasEnded && isReady() && asked) ask(asked);
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
    part.setDone(hasEnded && isReady());
  });
}

/** The way back is offered here, too: the notice of it is far above. */
function showLoss(app: App): void {
  const text = "Its run is kept, and gives the same bits again.";
  showError("The GPU was lost, and the trained network with it", text, {
    label: "Bring it back",
    act: () => void app.pickUp(),
  });
}

const labelsOf = ({ trainedOn }: State): string[] => [
  ...new Set(trainedOn.filter(({ pictures }) => pictures.length > 0).map(({ name }) => name.trim())),
];

/** "cross, 97.1 %" */
const wordsOf = ({ label, probability }: Prediction): string => `${label}, ${formatPercent(probability)}`;
