import { formatBytes, formatCount } from "../../src/finetune/format.ts";
import { type BlockState, blockColumn } from "../shared/block-column.ts";
import { choiceCards } from "../shared/choices.ts";
import { fill, h } from "../shared/dom.ts";
import type { Part } from "../shared/parts.ts";
import type { Phase } from "../shared/run-log.ts";
import { storagePanel } from "../shared/storage-panel.ts";
import { type App, isBusy } from "./app.ts";
import { MODELS, type ModelName } from "./models.ts";

/** Part 1: one of the bundled networks, and its layers. */
export function choosePart(app: App, part: Part): void {
  const cards = choiceCards<ModelName>({
    label: "Network",
    value: app.state.model,
    options: (Object.keys(MODELS) as ModelName[]).map((value) => ({
      value,
      label: MODELS[value].label,
      text: MODELS[value].text,
    })),
    onChange: (model) => void app.chooseModel(model),
  });
  const facts = h("dl", { class: "facts" });
  const column = blockColumn({ input: "pixels go in", output: "your classes come out" });
  const kept = storagePanel(() => void app.lookAgain());
  const controls = h("fieldset", { class: "stack" }, cards.element);
  fill(
    part.body,
    h(
      "div",
      { class: "columns wide-first" },
      h("div", { class: "stack" }, controls, facts, kept.element),
      column.element,
    ),
  );
  part.setReady(true);

  let phase: Phase | undefined;
  app.store.watch((state, before) => {
    controls.disabled = isBusy(state);
    if (state.run?.phase !== phase || before === null) void kept.refresh();
    phase = state.run?.phase;
    if (state.model !== before?.model) cards.set(state.model);
    const { inspection, model, training } = state;
    if (before && inspection === before.inspection && training.learningRate === before.training.learningRate) return;
    part.setDone(inspection !== null);
    if (!inspection) {
      fill(facts, h("dt", {}, "Network"), h("dd", { role: "status" }, "is being read"));
      return;
    }
    const { parameters, labels, stages, head } = inspection;
    fill(facts, [
      ...fact("Network", MODELS[model].label),
      ...fact("Parameters", `${formatCount(parameters)}, ${formatBytes(4 * parameters)}`),
      ...fact("It knows", labels.join(", ")),
    ]);
    const shown = [...stages.filter((stage) => stage.parameters > 0), head];
    column.setBlocks(
      shown.map(({ name, parameters }) => ({ name, title: titleOf(name, name === head.name), parameters })),
    );
    column.setStates(
      new Map<string, BlockState>(
        shown.map(({ name }) => [
          name,
          {
            learningRate: name === head.name ? training.learningRate : null,
            note: name === head.name ? "new, trained" : undefined,
          },
        ]),
      ),
    );
    const [first] = column.element.getElementsByClassName("flow");
    if (first) first.textContent = MODELS[model].input;
  });
}

const fact = (term: string, value: string): HTMLElement[] => [h("dt", {}, term), h("dd", {}, value)];

/** "conv1" -> "Convolution", "layer2.1" -> "Block". */
function titleOf(name: string, isHead: boolean): string {
  if (isHead) return "Head";
  if (/^(conv|layer0)/.test(name)) return "Convolution";
  if (/^(bn|norm)/.test(name)) return "Normalisation";
  return name.startsWith("fc") ? "Linear" : "Block";
}
