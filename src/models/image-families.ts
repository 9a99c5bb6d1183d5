import {
  type ImagePreprocessing,
  type ModelDirectory,
  parseConfigPreprocessing,
  parsePreprocessorConfig,
} from "../io/index.ts";
import type { Shape } from "../tensor/index.ts";
import type { ImageClassifier } from "./image-classifier.ts";
import { type ClassificationOptions, openModelDirectory, readJson } from "./loading.ts";
import { ResNet } from "./resnet.ts";
import { isResNetConfig, parseResNetConfig } from "./resnet-config.ts";
import { parseSequentialConfig, SEQUENTIAL_ARCH, SequentialCNN } from "./sequential-cnn.ts";
import { parseSqueezeNetConfig, SqueezeNet } from "./squeezenet.ts";

/** What is to be known of an image model before its weights are read. */
export interface ImageModelSummary {
  /** Class names of its head, in the order of the scores. */
  readonly labels: readonly string[];
  /** Images that it takes, unless its preprocessing says otherwise. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** A family of image classifiers, known by its config.json. */
export interface ImageModelFamily {
  /** What errors and `--help` call it. */
  readonly name: string;
  /** Whether a config.json is of this family. */
  matches(config: Readonly<Record<string, unknown>>): boolean;
  /** @throws naming the file and the key that is wrong. */
  describe(config: Readonly<Record<string, unknown>>, file: string): ImageModelSummary;
  /** Loads a model; with `labels` other than its own, or `newHead`, it gets a new head. */
  fromPretrained(directory: ModelDirectory, options: ClassificationOptions): Promise<ImageClassifier>;
}

/** Every family there is; the first that matches takes a config. */
export const IMAGE_FAMILIES: readonly ImageModelFamily[] = [
  {
    name: "ResNet",
    matches: isResNetConfig,
    describe: (config, file) => summaryOf(parseResNetConfig(config, file)),
    fromPretrained: ResNet.fromPretrained,
  },
  {
    name: "SqueezeNet 1.1",
    matches: ({ arch }) => arch === "squeezenet1_1",
    describe: (config, file) => summaryOf(parseSqueezeNetConfig(config, file)),
    fromPretrained: SqueezeNet.fromPretrained,
  },
  {
    name: "sequential CNN",
    matches: ({ arch }) => arch === SEQUENTIAL_ARCH,
    describe: (config, file) => summaryOf(parseSequentialConfig(config, file)),
    fromPretrained: SequentialCNN.fromPretrained,
  },
];

function summaryOf({ labels, inputShape }: { labels: readonly string[]; inputShape: Shape }): ImageModelSummary {
  const [channels, height, width] = inputShape;
  return { labels, channels, height, width };
}

/** The family of a config.json, or null when it is of none. */
export function imageFamilyOf(config: Readonly<Record<string, unknown>>): ImageModelFamily | null {
  return IMAGE_FAMILIES.find((family) => family.matches(config)) ?? null;
}

/** transformers' file of how images become inputs; where there is none, config.json may say it. */
export const PREPROCESSOR_CONFIG = "preprocessor_config.json";

/** An image model whose configuration has been read, and nothing of its weights. */
export interface ImageModelDescription extends ImageModelSummary {
  readonly family: ImageModelFamily;
  readonly preprocessing: ImagePreprocessing;
}

/**
 * Reads config.json and, when there, preprocessor_config.json; null when config.json is of no family of image models.
 *
 * @throws naming the file and the key that is wrong.
 */
export async function describeImageModel(directory: string | ModelDirectory): Promise<ImageModelDescription | null> {
  const source = await openModelDirectory(directory);
  const file = `${source.name}/config.json`;
  const config = await readConfig(source);
  const family = imageFamilyOf(config);
  if (!family) return null;
  const summary = family.describe(config, file);
  const preprocessing = (await source.has(PREPROCESSOR_CONFIG))
    ? parsePreprocessorConfig(
        await readJson(source, PREPROCESSOR_CONFIG),
        `${source.name}/${PREPROCESSOR_CONFIG}`,
        summary,
      )
    : parseConfigPreprocessing(config, file, summary);
  return { ...summary, family, preprocessing };
}

/**
 * Loads an image classifier of any family from a directory in the Hub's layout.
 *
 * @throws when config.json is of no known family, naming them, or the checkpoint does not fit.
 */
export async function loadImageClassifier(
  directory: string | ModelDirectory,
  options: ClassificationOptions = {},
): Promise<ImageClassifier> {
  const source = await openModelDirectory(directory);
  const family = imageFamilyOf(await readConfig(source));
  if (family) return family.fromPretrained(source, options);
  const known = IMAGE_FAMILIES.map(({ name }) => name).join(", ");
  throw new Error(`${source.name}/config.json: not the configuration of an image classifier; known are ${known}`);
}

async function readConfig(directory: ModelDirectory): Promise<Readonly<Record<string, unknown>>> {
  const config = await readJson(directory, "config.json");
  if (typeof config === "object" && config !== null && !Array.isArray(config)) return config as Record<string, unknown>;
  throw new Error(`${directory.name}/config.json: expected a JSON object`);
}
