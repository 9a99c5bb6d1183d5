export {
  classLabels,
  GPT2,
  GPT2Base,
  GPT2ForSequenceClassification,
  readGPT2Config,
} from "./gpt2.ts";
export { type GPT2Config, parseGPT2Config, serializeGPT2Config } from "./gpt2-config.ts";
export { ImageClassifier, type ImageInputs } from "./image-classifier.ts";
export {
  describeImageModel,
  IMAGE_FAMILIES,
  type ImageModelDescription,
  type ImageModelFamily,
  type ImageModelSummary,
  imageFamilyOf,
  loadImageClassifier,
  PREPROCESSOR_CONFIG,
} from "./image-families.ts";
export type { Initialization } from "./initialization.ts";
export { type GeneratedStep, type GenerateOptions, generate } from "./language/generate.ts";
export { KeyValueCache } from "./language/key-value-cache.ts";
export { argmax, nextTokenProbabilities, type SamplingOptions, sampleToken } from "./language/sampling.ts";
export {
  countPositions,
  type DeviceInputs,
  disposeInputs,
  prepareInputs,
  type TokenInputs,
} from "./language/token-inputs.ts";
export {
  LayeredClassifier,
  type LayeredClassifierConfig,
  type LayeredClassifierInit,
  type LayeredClassifierOptions,
} from "./layered-classifier.ts";
export {
  type ClassificationOptions,
  type LoadIntoOptions,
  type LoadOptions,
  type LoadReport,
  loadInto,
} from "./loading.ts";
export { mapNames, type NameMapping, type NameRule } from "./name-mapping.ts";
export { ResNet } from "./resnet.ts";
export { isResNetConfig, parseResNetConfig, type ResNetConfig } from "./resnet-config.ts";
export { type LayerSpec, parseSequentialConfig, SequentialCNN, type SequentialCNNConfig } from "./sequential-cnn.ts";
export { Fire, SqueezeNet } from "./squeezenet.ts";
export { type FeatureOptions, type Stage, StagedModel } from "./staged-model.ts";
