export { type CacheBudget, DEFAULT_CACHE_BUDGET } from "./activation-cache.ts";
export { CHECKPOINT_FILE } from "./checkpoint.ts";
export { type EvaluateOptions, evaluate, type Predictions, predictAndEvaluate } from "./evaluate.ts";
export type * from "./events.ts";
export { classificationExamples, IGNORE_INDEX, languageExamples, type TrainingExample } from "./examples.ts";
export { type GroupRule, type LayerwiseOptions, layerwiseGroups, parameterGroups } from "./groups.ts";
export * from "./metrics.ts";
export {
  type HeadThenBlocksOptions,
  headThenBlocks,
  type RecipeOptions,
  type RecipeStage,
  runRecipe,
} from "./recipes.ts";
export * from "./schedule.ts";
export { DivergedError, type FinetuneOptions, finetune, type TrainingData } from "./trainer.ts";
