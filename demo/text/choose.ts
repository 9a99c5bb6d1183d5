import { formatBytes, formatCount } from "../../src/finetune/format.ts";
import { droppedModel } from "../../src/io/browser/index.ts";
import { type ModelSource, modelName } from "../../src/jobs/index.ts";
import type { ModelInspection } from "../../src/session/index.ts";
import { blockColumn } from "../shared/block-column.ts";
import { choiceCards } from "../shared/choices.ts";
import { fill, h } from "../shared/dom.ts";
import { acceptDrops, type Dropped, dropZone } from "../shared/drop-zone.ts";
import { textField } from "../shared/field.ts";
import type { Part } from "../shared/parts.ts";
import type { Phase } from "../shared/run-log.ts";
import { storagePanel } from "../shared/storage-panel.ts";
import { showError } from "../shared/toasts.ts";
import { type App, isBusy, refuseWhileBusy } from "./app.ts";
import { bundledModel } from "./sources.ts";
import { blocksOf } from "./training.ts";

type Where = "bundled" | "folder" | "hub";

/** Part 1: the bundled model, a dropped folder, or one from the Hub; and its layers. */
export function choosePart(app: App, part: Part): void {
  const cards = choiceCards<Where>({
    label: "Where the model comes from",
    value: "bundled",
    options: [
      {
        value: "bundled",
        label: "GPT-2 mini",
        text: "Comes with the page: English prose, 2.2 million parameters, 8.9 MB.",
      },
      {
        value: "folder",
        label: "A folder of yours",
        text: "A GPT-2 in Hub layout: config.json, model.safetensors, tokenizer.json.",
      },
      {
        value: "hub",
        label: "The Hugging Face Hub",
        text: "By its id, such as openai-community/gpt2; it is downloaded once.",
      },
    ],
    onChange: (where) => choose(where),
  });
  const takeFolder = async (dropped: Dropped): Promise<void> => {
    if (isBusy(app.state)) {
      refuseWhileBusy("another model");
      return;
    }
    try {
      const { name, files } = await droppedModel(dropped);
      cards.set("folder");
      show("folder");
      await app.chooseModel({ kind: "files", name, files });
    } catch (error) {
      showError("This is no model that can be used", error);
    }
  };
  const folder = dropZone({
    button: "Choose a folder",
    hint: "Or drop the folder here. It is read where it lies.",
    directory: true,
    onDrop: (dropped) => void takeFolder(dropped),
  });
  acceptDrops(part.body, (dropped) => void takeFolder(dropped));
  const id = textField({ label: "Id on the Hub", placeholder: "owner/name", onEnter: () => load() });
  const load = async (): Promise<void> => {
    if (app.state.readingModel !== null) return;
    const asked = (id.value ?? "").trim();
    if (!/^[\w.-]+\/[\w.-]+$|^[\w.-]+$/.test(asked)) {
      showError("This is no id", new Error(`expected owner/name, such as openai-community/gpt2, got "${asked}"`));
      return;
    }
    await app.chooseModel({ kind: "hub", id: asked });
  };
  const button = h("button", { class: "button", type: "button", onclick: () => void load() }, "Load");
  const hub = h("div", { class: "card stack close" }, id.element, h("div", { class: "row" }, button));
  const show = (where: Where | null): void => {
    folder.hidden = where !== "folder";
    hub.hidden = where !== "hub";
  };
  const choose = (where: Where): void => {
    show(where);
    if (where === "bundled") void app.chooseModel(bundledModel());
  };
  const reading = h("p", { class: "soft", role: "status" });
  const again = h(
    "button",
    { class: "button", type: "button", onclick: () => void app.chooseModel(bundledModel()) },
    "Try again",
  );
  const facts = h("dl", { class: "facts" });
  const kept = storagePanel(() => void app.lookAgain());
  const column = blockColumn({ input: "tokens go in", output: "features come out" });
  const controls = h("fieldset", { class: "stack" }, cards.element, folder, hub);
  const layers = h("div", { class: "stack close" }, column.element);
  const progress = h("div", { class: "stack close" }, reading, h("div", { class: "row" }, again));
  fill(
    part.body,
    h(
      "div",
      { class: "columns wide-first" },
      h("div", { class: "stack" }, controls, progress, facts, kept.element),
      layers,
    ),
  );
  show("bundled");

  let phase: Phase | undefined;
  app.store.watch((state, before) => {
    controls.disabled = isBusy(state);
    // Of a run that was picked up.
    if (before && state.model !== before.model && state.model === state.job?.model) {
      const where = state.model?.kind === "url" ? "bundled" : null;
      cards.set(where);
      show(where);
    }
    if (state.run?.phase !== phase || before === null || state.readingModel !== before.readingModel)
      void kept.refresh();
    phase = state.run?.phase;
    const { inspection, readingModel, task } = state;
    const words = readingModel === null ? "" : `${readingModel} is being read.`;
    if (reading.textContent !== words) reading.textContent = words;
    reading.hidden = words === "";
    again.hidden = readingModel !== null || inspection !== null || before === null;
    progress.hidden = reading.hidden && again.hidden;
    // It keeps the focus while it waits.
    button.setAttribute("aria-disabled", String(readingModel !== null));
    if (before && inspection === before.inspection && task === before.task && state.model === before.model) return;
    part.setDone(inspection !== null);
    layers.hidden = inspection === null;
    facts.hidden = inspection === null;
    if (!inspection) return;
    fill(
      facts,
      factsOf(state.model!, inspection).map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]),
    );
    column.setBlocks(blocksOf(inspection), task === "lm" ? "the next token comes out" : "a label comes out");
  });
}

/** Classes that are named, at most. */
const MOST_CLASSES = 8;

function factsOf(model: ModelSource, inspection: ModelInspection): [term: string, value: string][] {
  const { config, architecture, parameters, positions, labels } = inspection;
  const { vocab_size: vocabulary, n_embd: width, n_head: heads } = config;
  const classes = labels.slice(0, MOST_CLASSES).join(", ") + (labels.length > MOST_CLASSES ? ", …" : "");
  return [
    ["Model", modelName(model)],
    ["Class", architecture],
    ["Parameters", `${formatCount(parameters)}, ${formatBytes(parameters * 4)}`],
    ...(positions === null ? [] : [["Reads", `${formatCount(positions)} tokens at most`] as [string, string]]),
    ["Knows", `${formatCount(Number(vocabulary ?? 0))} tokens`],
    ["A token is", `${width ?? "–"} numbers, read by ${heads ?? "–"} heads`],
    ...(labels.length > 0 ? [["Tells apart", `${labels.length} classes: ${classes}`] as [string, string]] : []),
  ];
}
