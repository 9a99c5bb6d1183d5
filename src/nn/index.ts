export * from "./layers/index.ts";
export { addLora, hasLora, type LoraOptions, mergeLora, removeLora } from "./lora.ts";
export { type BufferOptions, buffer, Module, parameter } from "./module.ts";
export {
  AdamW,
  type AdamWOptions,
  Optimizer,
  type OptimizerState,
  type ParameterGroup,
  SGD,
  type StepOptions,
} from "./optimizers.ts";
export { matchesPattern, parsePatterns } from "./patterns.ts";
