import { formatBytes, formatCount } from "../../src/finetune/format.ts";
import { droppedModel } from "../../src/io/browser/index.ts";
import { modelName } from "../../src/jobs/index.ts";
import { blockColumn } from "../shared/block-column.ts";
import { choiceCards } from "../shared/choices.ts";
import { fill, h } from "../shared/dom.ts";
import { dropZone } from "../shared/drop-zone.ts";
import { textField } from "../shared/field.ts";
import type { Part } from "../shared/parts.ts";
import type { Phase } from "../shared/run-log.ts";
import { storagePanel } from "../shared/storage-panel.ts";
import { showError } from "../shared/toasts.ts";
import { type App, isBusy } from "./app.ts";
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
    onChange: (where) => show(where),
  });
  const folder = dropZone({
    button: "Choose a folder",
    hint: "Or drop the folder here. It is read where it lies.",
    directory: true,
    onDrop: async (dropped) => {
      try {
        const { name, files } = await droppedModel(dropped);
        await app.chooseModel({ kind: "files", name, files });
      } catch (error) {
        showError("This is no model that can be used", error);
      }
    },
  });
  const id = textField({ label: "Id on the Hub", placeholder: "owner/name", onEnter: () => load() });
  const load = async (): Promise<void> => {
    const asked = (id.value ?? "").trim();
    if (!/^[\w.-]+\/[\w.-]+$|^[\w.-]+$/.test(asked)) {
      showError("This is no id", new Error(`expected owner/name, such as openai-community/gpt2, got "${asked}"`));
      return;
    }
    button.disabled = true;
    await app.chooseModel({ kind: "hub", id: asked });
    button.disabled = false;
  };
  const button = h("button", { class: "button", type: "button", onclick: load }, "Load");
  const hub = h("div", { class: "card stack close" }, id.element, h("div", { class: "row" }, button));
  const show = (where: Where): void => {
    folder.hidden = where !== "folder";
    hub.hidden = where !== "hub";
    if (where === "bundled") void app.chooseModel(bundledModel());
  };
  const facts = h("dl", { class: "facts" });
  const kept = storagePanel();
  const column = blockColumn({ input: "tokens go in", output: "features come out" });
  const controls = h("fieldset", { class: "stack" }, cards.element, folder, hub);
  const layers = h("div", { class: "stack close" }, column.element);
  fill(
    part.body,
    h("div", { class: "columns wide-first" }, h("div", { class: "stack" }, controls, facts, kept.element), layers),
  );
  folder.hidden = true;
  hub.hidden = true;

  let phase: Phase | undefined;
  app.store.watch((state, before) => {
    controls.disabled = isBusy(state);
    // Of a run that was picked up.
    if (before && state.model !== before.model && state.model === state.job?.model) {
      cards.set(state.model?.kind === "url" ? "bundled" : null);
    }
    if (state.run?.phase !== phase || before === null) void kept.refresh();
    phase = state.run?.phase;
    const { inspection, task } = state;
    if (before && inspection === before.inspection && task === before.task && state.model === before.model) return;
    part.setDone(inspection !== null);
    layers.hidden = inspection === null;
    if (!inspection) {
      fill(facts, state.model && [h("dt", {}, "Model"), h("dd", { role: "status" }, "is being read")]);
      return;
    }
    const { config, architecture, parameters, positions, labels } = inspection;
    const rows: [string, string | number][] = [
      ["Model", modelName(state.model!)],
      ["Class", architecture],
      ["Parameters", `${formatCount(parameters)}, ${formatBytes(parameters * 4)}`],
      ["Context", positions === null ? "–" : `${formatCount(positions)} tokens`],
      ["Vocabulary", `${formatCount(Number(config.vocab_size ?? 0))} tokens`],
      ["Width", `${config.n_embd ?? "–"}, ${config.n_head ?? "–"} heads`],
      ...(labels.length > 0 ? [["Classes", labels.join(", ")] as [string, string]] : []),
    ];
    fill(
      facts,
      rows.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]),
    );
    column.setBlocks(blocksOf(inspection), task === "lm" ? "the next token comes out" : "a label comes out");
  });
}
