export { type CacheBudget, DEFAULT_CACHE_BUDGET } from "./activation-cache.ts";
export { CHECKPOINT_FILE, type CheckpointOptions } from "./checkpoint.ts";
export { type EvaluateOptions, evaluate, type Predictions, predictAndEvaluate } from "./evaluate.ts";
export type * from "./events.ts";
export type { BatchInfo, ExampleBatch, ExampleSet } from "./examples.ts";
export { finetune } from "./finetune.ts";
export { type GroupRule, type LayerwiseOptions, layerwiseGroups, parameterGroups } from "./groups.ts";
export { ImageExamples, type ImageExamplesOptions, type ImageTrainingExample } from "./image-examples.ts";
export { addTrunkLora } from "./lora.ts";
export * from "./metrics.ts";
export type { Change, ChangedOptions } from "./plan/changes.ts";
export type { BytesByKind, MemoryKind } from "./plan/memory.ts";
export { type Plan, type PlanOptions, plan } from "./plan/plan.ts";
export {
  type HeadThenBlocksOptions,
  headThenBlocks,
  type RecipeOptions,
  type RecipeStage,
  runRecipe,
} from "./recipes.ts";
export * from "./schedule.ts";
export {
  classificationExamples,
  IGNORE_INDEX,
  languageExamples,
  TextExamples,
  type TrainingExample,
} from "./text-examples.ts";
export { DivergedError, type FinetuneOptions } from "./trainer.ts";
export type { Examples, TrainingData } from "./training-data.ts";
