import type { FineTuneJob, JobSettings } from "../../src/jobs/index.ts";
import type { ModelInspection, ModelStage } from "../../src/session/index.ts";
import type { Block } from "../shared/block-column.ts";

/** Ways to train that have a name; `custom` is what a person clicked together. */
export const PRESETS = ["head", "blocks", "gradual", "everything", "custom"] as const;
export type Preset = (typeof PRESETS)[number];

/** What a person sets, from which a job's settings are made. */
export interface Training {
  readonly preset: Preset;
  /** Names of the stages that are trained, where the preset is `custom`. */
  readonly trained: readonly string[];
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
    case "everything":
      return all;
    case "custom":
      return all.filter(
        (name) => trained.includes(name) || (name === inspection.head.name && takesNewHead(inspection, training)),
      );
  }
}

/** The preset that trains just these stages; `custom` where none does. */
export function presetOf(inspection: ModelInspection, trained: readonly string[]): Preset {
  const same = (preset: Preset): boolean => {
    const own = trainedStages(inspection, { ...DEFAULT_TRAINING, preset });
    return own.length === trained.length && own.every((name) => trained.includes(name));
  };
  return (["head", "blocks", "everything"] as const).find(same) ?? "custom";
}

/** The settings of a job. */
export function settingsOf(inspection: ModelInspection, training: Training, task: FineTuneJob["task"]): JobSettings {
  const { preset, epochs, batch, maxLength, lr, headLr, layerDecay, validFraction, seed, newHead } = training;
  const { accumulate, evalBatch, checkpointBlocks, labelColumn, textColumn } = training;
  const trained = trainedStages(inspection, training);
  const stages = stagesOf(inspection);
  const isAll = trained.length === stages.length;
  const patterns = stages.filter(({ name }) => trained.includes(name)).map(({ pattern }) => pattern);
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
    ...(preset === "gradual"
      ? { gradual: gradualLevels(inspection).length }
      : isAll
        ? {}
        : { unfreeze: patterns.join(",") }),
  };
}

/** What a person had set, from the settings of a kept job. */
export function trainingOf(inspection: ModelInspection, settings: JobSettings): Training {
  const stages = stagesOf(inspection);
  const trained = stages.filter((stage) => stage.trained > 0).map(({ name }) => name);
  const preset = settings.gradual === undefined ? presetOf(inspection, trained) : "gradual";
  const own = Object.entries(DEFAULT_TRAINING).map(([key, value]) => [
    key,
    settings[key as keyof JobSettings] ?? value,
  ]);
  const { labelColumn, textColumn } = settings;
  return { ...(Object.fromEntries(own) as Training), preset, trained, labelColumn, textColumn };
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
