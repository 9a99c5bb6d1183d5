import type { FineTuneJob, JobSettings } from "../../src/jobs/index.ts";
import type { ModelInspection, ModelStage } from "../../src/session/index.ts";
import type { Block } from "../shared/block-column.ts";

/** Ways to train that have a name; `custom` is what a person clicked together. */
export const PRESETS = ["head", "blocks", "gradual", "adapters", "everything", "custom"] as const;
export type Preset = (typeof PRESETS)[number];

/** What a person sets, from which a job's settings are made. */
export interface Training {
  readonly preset: Preset;
  /** Names of the stages that are trained, where the preset is `custom`; that have adapters, where it is that: none for all. */
  readonly trained: readonly string[];
  /** Rank of the adapters (LoRA), where the preset is `adapters`. */
  readonly lora: number;
  readonly epochs: number;
  readonly batch: number;
  readonly maxLength: number;
  /** Of the last block; of the head; what it falls by from a block to the one below. */
  readonly lr: number;
  readonly headLr: number;
  readonly layerDecay: number;
  readonly validFraction: number;
  readonly seed: number;
  /** Replace the head of a model that is a classifier already. */
  readonly newHead: boolean;
  /** Ways to save memory: batches a step, texts at a time in an evaluation, blocks that are computed twice. */
  readonly accumulate: number;
  readonly evalBatch: number;
  readonly checkpointBlocks: boolean;
  /** Columns of the data's file, where they are not found out. */
  readonly labelColumn?: string;
  readonly textColumn?: string;
}

export const DEFAULT_TRAINING: Training = {
  preset: "head",
  trained: [],
  lora: 8,
  epochs: 10,
  batch: 16,
  maxLength: 64,
  lr: 3e-4,
  headLr: 3e-3,
  layerDecay: 0.8,
  validFraction: 0.25,
  seed: 42,
  newHead: false,
  accumulate: 1,
  evalBatch: 32,
  checkpointBlocks: false,
};

/** Blocks that `blocks` thaws, counted from the top. */
const THAWED_BLOCKS = 2;
/** Levels that `gradual` thaws one after another; each takes all epochs. */
const GRADUAL_LEVELS = 3;

/** Epochs that go with a preset: the more is trained, the fewer. */
export const PRESET_EPOCHS: Readonly<Record<Exclude<Preset, "custom">, number>> = {
  head: 10,
  blocks: 3,
  gradual: 2,
  adapters: 3,
  everything: 2,
};

/** The stages of a model from the input to the head. A head that the trunk shares has no parameters of its own. */
export const stagesOf = ({ stages, head }: ModelInspection): readonly ModelStage[] =>
  head.parameters > 0 ? [...stages, head] : stages;

/** The levels that `gradual` thaws, from the top. */
export function gradualLevels({ stages }: ModelInspection): readonly number[] {
  const levels = [...new Set(stages.map(({ level }) => level))].sort((a, b) => a - b);
  return levels.slice(0, GRADUAL_LEVELS);
}

/** Whether the head is made anew for the data's classes; such a head is always trained. */
export const takesNewHead = ({ head, labels }: ModelInspection, { newHead }: Pick<Training, "newHead">): boolean =>
  head.parameters > 0 && (newHead || labels.length === 0);

/** What a preset trains; `gradual` what it trains in the end. */
export function trainedStages(inspection: ModelInspection, training: Training): readonly string[] {
  const { preset, trained } = training;
  const all = stagesOf(inspection).map(({ name }) => name);
  const isBlock = (name: string): boolean => /^h\.\d+$/.test(name);
  const isAlways = (name: string): boolean => name === inspection.head.name && takesNewHead(inspection, training);
  const blocks = all.filter(isBlock);
  const lastBlock = all.findLastIndex(isBlock);
  const above = all.slice(lastBlock + 1);
  switch (preset) {
    case "head":
      // The head of a language model is its table of embeddings: the last stage of the trunk stands for it.
      return [all[all.length - 1]];
    case "blocks":
      return [...blocks.slice(-THAWED_BLOCKS), ...above];
    case "gradual": {
      const levels = gradualLevels(inspection);
      const isThawed = ({ name, level }: ModelStage): boolean =>
        name === inspection.head.name || levels.includes(level);
      return stagesOf(inspection)
        .filter(isThawed)
        .map(({ name }) => name);
    }
    case "adapters": {
      const { name: head } = inspection.head;
      const places = stagesOf(inspection).filter((one) => hasPlace(one) || one.name === head);
      const chosen = places.filter(({ name }) => trained.includes(name) || isAlways(name));
      return (chosen.some(hasPlace) ? chosen : places).map(({ name }) => name);
    }
    case "everything":
      return all;
    case "custom":
      return all.filter((name) => trained.includes(name) || isAlways(name));
  }
}

/** The preset that trains just these stages; `custom` where none does. */
export const presetOf = (inspection: ModelInspection, trained: readonly string[]): Preset =>
  (["head", "blocks", "everything"] as const).find((preset) => isJust(inspection, preset, trained)) ?? "custom";

/** Whether a preset, as it is at first, trains just these stages. */
function isJust(inspection: ModelInspection, preset: Preset, trained: readonly string[]): boolean {
  const own = trainedStages(inspection, { ...DEFAULT_TRAINING, preset });
  return own.length === trained.length && own.every((name) => trained.includes(name));
}

/** Whether adapters can stand in a part of the model. */
export const hasPlace = ({ adapterSize }: ModelStage): boolean => adapterSize > 0;

/** What is trained once a part has been frozen or thawed by hand; null where an adapter has no place in it. */
export function toggled(
  inspection: ModelInspection,
  training: Training,
  name: string,
): Pick<Training, "preset" | "trained"> | null {
  const now = trainedStages(inspection, training);
  const trained = now.includes(name) ? now.filter((one) => one !== name) : [...now, name];
  const stages = stagesOf(inspection);
  if (training.preset === "adapters") {
    const own = stages.find((one) => one.name === name)!;
    if (!hasPlace(own) && name !== inspection.head.name) return null;
    // Without a single adapter it is another way to train.
    if (stages.some((one) => hasPlace(one) && trained.includes(one.name))) return { preset: "adapters", trained };
  }
  return { preset: presetOf(inspection, trained), trained };
}

/** Parameters that are trained: of the parts themselves, or of the adapters that stand in them. */
export function countTrained(inspection: ModelInspection, training: Training): number {
  const trained = trainedStages(inspection, training);
  const sizeOf = (one: ModelStage): number =>
    training.preset === "adapters" && hasPlace(one) ? training.lora * one.adapterSize : one.parameters;
  return stagesOf(inspection).reduce((sum, one) => sum + (trained.includes(one.name) ? sizeOf(one) : 0), 0);
}

/** The settings of a job. */
export function settingsOf(inspection: ModelInspection, training: Training, task: FineTuneJob["task"]): JobSettings {
  const { epochs, batch, maxLength, lr, headLr, layerDecay, validFraction, seed, newHead } = training;
  const { accumulate, evalBatch, checkpointBlocks, labelColumn, textColumn } = training;
  return {
    ...{ epochs, batch, lr, layerDecay, validFraction, seed },
    ...(task === "classify" ? { headLr } : {}),
    ...(newHead && inspection.labels.length > 0 ? { newHead } : {}),
    ...(accumulate > 1 ? { accumulate } : {}),
    ...(evalBatch !== DEFAULT_TRAINING.evalBatch ? { evalBatch } : {}),
    ...(checkpointBlocks ? { checkpointBlocks } : {}),
    ...(labelColumn !== undefined && task === "classify" ? { labelColumn } : {}),
    ...(textColumn !== undefined ? { textColumn } : {}),
    maxLength: inspection.positions === null ? maxLength : Math.min(maxLength, inspection.positions),
    ...whatIsTrained(inspection, training),
  };
}

/** What is trained, as settings tell it: by levels, by patterns of weights, or by those of layers with an adapter. */
function whatIsTrained(inspection: ModelInspection, training: Training): JobSettings {
  const { preset, lora } = training;
  if (preset === "gradual") return { gradual: gradualLevels(inspection).length };
  const stages = stagesOf(inspection);
  const trained = trainedStages(inspection, training);
  const patternsOf = (some: readonly ModelStage[]): string => some.map(({ pattern }) => pattern).join(",");
  const isTrained = ({ name }: ModelStage): boolean => trained.includes(name);
  if (preset !== "adapters") {
    return trained.length === stages.length ? {} : { unfreeze: patternsOf(stages.filter(isTrained)) };
  }
  const places = stages.filter(hasPlace);
  // A head of its own is trained beside the adapters, where it is not told to stay.
  const still = stages.filter((one) => one.name === inspection.head.name && !isTrained(one));
  return {
    lora,
    ...(places.every(isTrained) ? {} : { loraMatch: patternsOf(places.filter(isTrained)) }),
    ...(still.length > 0 ? { freeze: patternsOf(still) } : {}),
  };
}

/** What a person had set, from the settings of a kept job. */
export function trainingOf(inspection: ModelInspection, settings: JobSettings): Training {
  const stages = stagesOf(inspection);
  const found = stages.filter((stage) => stage.trained > 0).map(({ name }) => name);
  const preset = presetIn(settings) ?? presetOf(inspection, found);
  const trained = preset === "adapters" && isJust(inspection, preset, found) ? [] : found;
  const own = Object.entries(DEFAULT_TRAINING).map(([key, value]) => [
    key,
    settings[key as keyof JobSettings] ?? value,
  ]);
  const { labelColumn, textColumn } = settings;
  return { ...(Object.fromEntries(own) as Training), preset, trained, labelColumn, textColumn };
}

/** The preset that settings name; null where what is trained tells it. */
function presetIn({ gradual, lora }: JobSettings): Preset | null {
  if (lora !== undefined) return "adapters";
  return gradual === undefined ? null : "gradual";
}

/** The stages as the column of blocks shows them. */
export const blocksOf = (inspection: ModelInspection): readonly Block[] =>
  stagesOf(inspection).map(({ name, parameters, pattern }) => ({
    ...{ name, parameters, title: stageTitle(name), detail: pattern.replaceAll(",", ", ") },
  }));

const TITLES: Readonly<Record<string, string>> = {
  wte: "Token embedding",
  wpe: "Position embedding",
  embeddings: "Embeddings",
  ln_f: "Final norm",
  score: "Head",
  lm_head: "Head",
  head: "Head",
};

/** "h.3" -> "Block 4", "score" -> "Head". */
export function stageTitle(name: string): string {
  const [, number] = name.match(/^h\.(\d+)$/) ?? [];
  return number === undefined ? (TITLES[name] ?? name) : `Block ${Number(number) + 1}`;
}
