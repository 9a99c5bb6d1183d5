import { formatBytes, formatCount, formatPercent, formatRate } from "../../src/finetune/format.ts";
import type { Plan } from "../../src/finetune/index.ts";
import { type BlockState, blockColumn, rateScale } from "../shared/block-column.ts";
import { segments } from "../shared/choices.ts";
import { fill, h } from "../shared/dom.ts";
import { numberField } from "../shared/field.ts";
import type { Part } from "../shared/parts.ts";
import { type App, isBusy, type State } from "./app.ts";
import { blocksOf, gradualLevels, PRESET_EPOCHS, type Preset, presetOf, stagesOf, trainedStages } from "./training.ts";

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
    value: "everything",
    label: "Everything",
    text: "All of it moves. It takes the most time and memory, and forgets the most.",
  },
];
const CUSTOM_TEXT = "What you have clicked together.";

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
      app.setTraining({ preset, ...(preset === "custom" ? {} : { epochs: PRESET_EPOCHS[preset] }) }),
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
    const now = trainedStages(inspection, training);
    const trained = now.includes(name) ? now.filter((one) => one !== name) : [...now, name];
    app.setTraining({ trained, preset: presetOf(inspection, trained) });
  };
  const rate = (label: string, key: "lr" | "headLr" | "layerDecay", hint: string) => {
    const field = numberField({
      label,
      hint,
      value: app.state.training[key],
      min: key === "layerDecay" ? 0.01 : 1e-8,
      max: 1,
      onChange: () => {
        if (field.value !== null) app.setTraining({ [key]: field.value });
      },
    });
    // A run that was picked up brings rates of its own.
    app.store.watch(({ training }, before) => {
      if (training[key] !== before?.training[key] && field.value !== training[key]) field.set(training[key]);
    });
    return field;
  };
  const rates = [
    rate("Head's rate", "headLr", "A new head may learn fast."),
    rate("Trunk's rate", "lr", "Of the last block."),
    rate("Falls by", "layerDecay", "From a block to the one below."),
  ];
  const newHead = h(
    "label",
    { class: "check" },
    h("input", {
      type: "checkbox",
      onchange: (event: Event) => app.setTraining({ newHead: (event.target as HTMLInputElement).checked }),
    }),
    "A new head, for other classes than the model has",
  );
  const figures = h("dl", { class: "figures", "aria-live": "polite" });
  const memory = h("p", { class: "small soft" });
  const problem = h("p", { class: "bad", role: "alert" });
  const controls = h(
    "fieldset",
    { class: "stack" },
    h("div", { class: "stack close" }, h("div", {}, presets.element), about),
    h(
      "div",
      { class: "fields" },
      rates.map(({ element }) => element),
    ),
    newHead,
  );
  fill(
    part.body,
    h(
      "div",
      { class: "columns wide-first" },
      h("div", { class: "stack" }, controls, h("div", { class: "card stack close" }, figures, memory, problem)),
      h("div", { class: "stack close" }, column.element, rateScale()),
    ),
  );

  app.store.watch((state, before) => {
    const { inspection, description, training, plan } = state;
    part.setReady(inspection !== null && description !== null);
    controls.disabled = isBusy(state);
    column.setDisabled(isBusy(state));
    if (!inspection) return;
    const isOther =
      inspection.name !== before?.inspection?.name ||
      stagesOf(inspection).length !== stagesOf(before.inspection).length;
    if (isOther || state.task !== before?.task) {
      column.setBlocks(blocksOf(inspection), state.task === "lm" ? "the next token comes out" : "a label comes out");
      column.setDisabled(isBusy(state));
    }
    rates[0].element.hidden = state.task === "lm";
    newHead.hidden = inspection.labels.length === 0;
    if (isOther || training !== before?.training || inspection !== before?.inspection || state.task !== before?.task) {
      presets.set(training.preset === "custom" ? null : training.preset);
      about.textContent = PRESET_NAMES.find(({ value }) => value === training.preset)?.text ?? CUSTOM_TEXT;
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
      const trainableParameters = state.isPlanning ? countTrained(state) : inspection.trainableParameters;
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
      memory.textContent = plan ? memoryText(plan) : "";
      problem.textContent = state.planProblem ?? (plan && !plan.fits ? `It does not fit: ${plan.problem}.` : "");
      problem.hidden = problem.textContent === "";
      part.setDone(isPlanned && plan.fits);
    }
  });
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

/** Parameters of what is chosen, until the session has said how many are trained. */
function countTrained({ inspection, training }: State): number {
  const trained = trainedStages(inspection!, training);
  return stagesOf(inspection!).reduce((sum, one) => sum + (trained.includes(one.name) ? one.parameters : 0), 0);
}

/** Rates as the session says, and what is just clicked until it has said. */
function blockStates({ inspection, training }: State): Map<string, BlockState> {
  const trained = trainedStages(inspection!, training);
  return new Map(
    stagesOf(inspection!).map(({ name, rate, level }): [string, BlockState] => {
      if (!trained.includes(name)) return [name, { learningRate: null }];
      const learningRate = rate ?? (name === inspection!.head.name ? training.headLr : training.lr);
      const stage = name === inspection!.head.name ? 1 : gradualLevels(inspection!).indexOf(level) + 2;
      const note =
        training.preset === "gradual" ? `trained at ${formatRate(learningRate)} from stage ${stage} on` : undefined;
      return [name, { learningRate, note }];
    }),
  );
}
