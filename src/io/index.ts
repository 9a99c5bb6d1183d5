export {
  BlobSink,
  type ByteSink,
  type ByteSource,
  blobSource,
  bytesSource,
  MemorySink,
} from "./byte-source.ts";
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
export { previewTable, type TablePreview } from "./datasets/preview.ts";
export { exampleRandom, mulberry32, permutation, type RandomSource } from "./datasets/random.ts";
export type { ColumnOptions } from "./datasets/records.ts";
export { everyNth, type Split, splitText, stratifiedSample, stratifiedSplit } from "./datasets/split.ts";
export { decodeText, MemoryDirectory, type ModelDirectory, type OutputDirectory } from "./directory.ts";
export { formatBytes } from "./format-bytes.ts";
export { adjustBrightness, adjustContrast, adjustSaturation, type FloatImage } from "./images/augment.ts";
export {
  AUGMENTATIONS,
  type Augmentation,
  augmentColor,
  augmentShape,
  parseAugmentation,
} from "./images/augmentation.ts";
export {
  type ImageData,
  type ImageDataOptions,
  type ImageDataset,
  type ImageExample,
  listLabels,
  numberedLabels,
  withLabels,
} from "./images/dataset.ts";
export { type IdxArray, idxImages, idxLabels, parseIdx } from "./images/idx.ts";
export {
  centerCrop,
  crop,
  flipHorizontal,
  fromInterleaved,
  type Image,
  makeImage,
  toChannels,
} from "./images/image.ts";
export { readImagePack, readPackImages } from "./images/pack.ts";
export { encodePng } from "./images/png.ts";
export {
  defaultPreprocessing,
  fitImage,
  type ImagePreprocessing,
  normalizeInto,
  toFloat,
  withImageSize,
} from "./images/preprocessing.ts";
export {
  type ImageShape,
  parseConfigPreprocessing,
  parsePreprocessorConfig,
  serializePreprocessing,
} from "./images/preprocessing-config.ts";
export { type ResizeFilter, resize } from "./images/resize.ts";
export type { Checkpoint } from "./safetensors/checkpoint.ts";
export { type DecodedArray, isFloatDtype, isSafetensorsDtype, type SafetensorsDtype } from "./safetensors/dtype.ts";
export { SafetensorsError } from "./safetensors/error.ts";
export type { TensorInfo } from "./safetensors/header.ts";
export { SafetensorsFile } from "./safetensors/reader.ts";
export { openCheckpoint, ShardedCheckpoint } from "./safetensors/sharded.ts";
export {
  serializeSafetensors,
  type TensorData,
  type TensorToWrite,
  type WriteOptions,
  writeSafetensors,
} from "./safetensors/writer.ts";
export {
  type DecodeOptions,
  type EncodeOptions,
  Tokenizer,
  type TokenizerDirectory,
  TokenStream,
} from "./tokenizer.ts";
