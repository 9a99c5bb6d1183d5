import { formatBytes, formatCount, formatPercent, formatRate } from "../../src/finetune/format.ts";
import type { Plan } from "../../src/finetune/index.ts";
import { type BlockState, blockColumn, rateScale } from "../shared/block-column.ts";
import { segments } from "../shared/choices.ts";
import { fill, h } from "../shared/dom.ts";
import type { Part } from "../shared/parts.ts";
import { showInfo } from "../shared/toasts.ts";
import { type App, isBusy, type State } from "./app.ts";
import { savingsOf, showProblem } from "./fit.ts";
import { settingField } from "./setting-field.ts";
import {
  blocksOf,
  countTrained,
  gradualLevels,
  hasPlace,
  PRESET_EPOCHS,
  type Preset,
  stagesOf,
  takesNewHead,
  toggled,
  trainedStages,
} from "./training.ts";

const PRESET_NAMES: readonly { value: Preset; label: string; text: string }[] = [
  {
    value: "head",
    label: "Head only",
    text: "The trunk stays as it is and is read once for each text; later epochs cost next to nothing.",
  },
  { value: "blocks", label: "Last two blocks", text: "The upper layers follow, at rates that fall with depth." },
  {
    value: "gradual",
    label: "Gradual",
    text: "The head alone first; then one block more at a time, from the top down. Each of these stages takes all the epochs.",
  },
  {
    value: "adapters",
    label: "Adapters",
    text: "The weights of the blocks stay; small matrices beside them learn (LoRA), and are added to them at the end.",
  },
  {
    value: "everything",
    label: "Everything",
    text: "All of it moves. It takes the most time and memory, and forgets the most.",
  },
];
const CUSTOM_TEXT = "What you have clicked together.";
/** A language model has no head of its own: its scores are products with the table of token embeddings. */
const LANGUAGE_HEAD_TEXT =
  "The final norm alone: the head of a language model is its table of embeddings, which stays. It learns little.";

/** Names of what memory is held for, as people say them. */
const MEMORY_NAMES: Readonly<Record<keyof Plan["atPeak"], string>> = {
  weights: "weights",
  gradients: "gradients",
  moments: "the optimizer's moments",
  activations: "activations",
  cache: "kept activations of the frozen part",
  workspace: "workspace",
};

/** Part 3: which blocks are trained, how fast, and what that takes. */
export function freezePart(app: App, part: Part): void {
  const presets = segments<Preset>({
    label: "What is trained",
    value: "head",
    options: PRESET_NAMES.map(({ value, label }) => ({ value, label })),
    onChange: (preset) =>
      app.setTraining({
        preset,
        ...(preset === "custom" ? {} : { epochs: PRESET_EPOCHS[preset] }),
        // At first they stand in every block.
        ...(preset === "adapters" ? { trained: [] } : {}),
      }),
  });
  const about = h("p", { class: "soft small" });
  const column = blockColumn({
    input: "tokens go in",
    output: "a label comes out",
    onToggle: ({ name }) => toggle(name),
  });
  const toggle = (name: string): void => {
    const { inspection, training } = app.state;
    if (!inspection) return;
    if (name === inspection.head.name && takesNewHead(inspection, training)) {
      showInfo("The head is always trained", "It is new, and knows nothing of your classes yet.");
      return;
    }
    const patch = toggled(inspection, training, name);
    if (patch) app.setTraining(patch);
    else showInfo("It stays as it is", "Adapters stand beside linear layers, and there are none in it.");
  };
  const headRate = settingField(app, "headLr", {
    ...{ label: "Head's rate", hint: "Learning rate; a new head may learn fast.", min: 1e-8, max: 1 },
  });
  const rank = settingField(app, "lora", {
    ...{ label: "Adapters' rank", hint: "A higher one learns more, and takes more." },
    ...{ isInteger: true, min: 1, max: 256 },
  });
  const rates = [
    rank,
    headRate,
    settingField(app, "lr", { label: "Trunk's rate", hint: "Of its last block.", min: 1e-8, max: 1 }),
    settingField(app, "layerDecay", {
      ...{ label: "Falls by", hint: "Times this, from a block to the one below.", min: 0.01, max: 1 },
    }),
  ];
  const isNewHead = h("input", {
    type: "checkbox",
    onchange: () => app.setTraining({ newHead: isNewHead.checked }),
  });
  const newHead = h("label", { class: "check" }, isNewHead, "A new head, for other classes than the model has");
  const figures = h("dl", { class: "figures", "aria-live": "polite" });
  const memory = h("p", { class: "small soft" });
  const problem = h("div", { class: "stack close bad", role: "alert" });
  const savings = h("div", { class: "row small soft" });
  const choice = h("fieldset", { class: "stack close" }, h("div", {}, presets.element), about);
  const controls = h("fieldset", { class: "stack" }, h("div", { class: "fields" }, rates), newHead);
  const columns = h(
    "div",
    { class: "columns wide-first" },
    h("div", { class: "stack" }, controls, h("div", { class: "card stack close" }, figures, memory, savings, problem)),
    h("div", { class: "stack close" }, column.element, rateScale()),
  );
  fill(part.body, h("div", { class: "stack" }, choice, columns));

  app.store.watch((state, before) => {
    const { inspection, description, training, plan } = state;
    part.setReady(inspection !== null && description !== null);
    for (const one of [choice, controls]) one.disabled = isBusy(state);
    column.setDisabled(isBusy(state));
    if (!inspection) return;
    const isOther =
      inspection.name !== before?.inspection?.name ||
      stagesOf(inspection).length !== stagesOf(before.inspection).length;
    if (isOther || state.task !== before?.task) {
      column.setBlocks(blocksOf(inspection), state.task === "lm" ? "the next token comes out" : "a label comes out");
      column.setDisabled(isBusy(state));
    }
    headRate.hidden = state.task === "lm";
    rank.hidden = training.preset !== "adapters";
    newHead.hidden = inspection.labels.length === 0;
    isNewHead.checked = training.newHead;
    if (isOther || training !== before?.training || inspection !== before?.inspection || state.task !== before?.task) {
      presets.set(training.preset === "custom" ? null : training.preset);
      about.textContent = aboutPreset(state);
      column.setStates(blockStates(state));
    }
    if (
      plan !== before?.plan ||
      training !== before?.training ||
      inspection !== before?.inspection ||
      state.isPlanning !== before?.isPlanning ||
      state.planProblem !== before?.planProblem
    ) {
      const { parameters } = inspection;
      const trainableParameters = state.isPlanning
        ? countTrained(inspection, training)
        : inspection.trainableParameters;
      const isPlanned = plan !== null && !state.isPlanning;
      fill(
        figures,
        figure(
          "Trained parameters",
          formatCount(trainableParameters),
          `of ${formatCount(parameters)} (${formatPercent(trainableParameters / parameters, trainableParameters < parameters / 100 ? 2 : 0)})`,
          "trainable",
        ),
        figure(
          "Memory it takes",
          plan ? formatBytes(plan.peakBytes) : "–",
          isPlanned ? "at the peak" : state.isPlanning ? "being planned" : "",
          "memory",
        ),
      );
      memory.textContent = plan?.fits ? memoryText(plan) : "";
      showProblem(problem, state, (patch) => app.setTraining(patch));
      fill(
        savings,
        savingsOf(training, (patch) => app.setTraining(patch)),
      );
      part.setDone(isPlanned && plan.fits);
    }
  });
}

function aboutPreset({ task, training: { preset } }: State): string {
  if (task === "lm" && preset === "head") return LANGUAGE_HEAD_TEXT;
  return PRESET_NAMES.find(({ value }) => value === preset)?.text ?? CUSTOM_TEXT;
}

const figure = (term: string, value: string, unit: string, name: string): HTMLElement =>
  h("div", {}, h("dt", {}, term), h("dd", { "data-figure": name }, value), h("dd", { class: "unit" }, unit));

function memoryText({ atPeak }: Plan): string {
  const kinds = (Object.keys(MEMORY_NAMES) as (keyof typeof MEMORY_NAMES)[]).filter((kind) => atPeak[kind] > 0);
  const words = kinds
    .sort((a, b) => atPeak[b] - atPeak[a])
    .map((kind) => `${MEMORY_NAMES[kind]} ${formatBytes(atPeak[kind])}`);
  return `Of it ${words.join(", ")}.`;
}

/** Rates as the session says, and what is just clicked until it has said. */
function blockStates({ inspection, training }: State): Map<string, BlockState> {
  const trained = trainedStages(inspection!, training);
  return new Map(
    stagesOf(inspection!).map((block): [string, BlockState] => {
      const { name, rate, level } = block;
      if (!trained.includes(name)) return [name, { learningRate: null }];
      const learningRate = rate ?? (name === inspection!.head.name ? training.headLr : training.lr);
      const stage = name === inspection!.head.name ? 1 : gradualLevels(inspection!).indexOf(level) + 2;
      const notes: Partial<Record<Preset, string>> = {
        gradual: `trained at ${formatRate(learningRate)} from stage ${stage} on`,
        ...(hasPlace(block) ? { adapters: `adapters at ${formatRate(learningRate)}` } : {}),
      };
      return [name, { learningRate, note: notes[training.preset] }];
    }),
  );
}
