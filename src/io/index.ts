export {
  labelIndices,
  type PaddedBatch,
  packTokens,
  padBatch,
  randomBlocks,
  type TokenBlock,
  type TokenizedExample,
  tokenizeExamples,
} from "./datasets/batches.ts";
export {
  loadTextDataset,
  loadTexts,
  parseDelimited,
  sortLabels,
  type TextDataset,
  type TextDatasetOptions,
  type TextExample,
  type TextsOptions,
} from "./datasets/datasets.ts";
export { mulberry32, permutation, type RandomSource } from "./datasets/random.ts";
export { everyNth, type Split, splitText, stratifiedSample, stratifiedSplit } from "./datasets/split.ts";
export {
  type DecodeOptions,
  type EncodeOptions,
  Tokenizer,
  type TokenizerDirectory,
  TokenStream,
} from "./tokenizer.ts";
