import type { ModelDirectory } from "../io/index.ts";
import type { ImageClassifier } from "./image-classifier.ts";
import { type ClassificationOptions, openModelDirectory, readJson } from "./loading.ts";

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
export const IMAGE_FAMILIES: readonly ImageModelFamily[] = [];

/** The family of a config.json, or null when it is of none. */
export function imageFamilyOf(
  config: Readonly<Record<string, unknown>>,
  families: readonly ImageModelFamily[] = IMAGE_FAMILIES,
): ImageModelFamily | null {
  return families.find((family) => family.matches(config)) ?? null;
}

/**
 * Loads an image classifier of any family from a directory in the Hub's layout.
 *
 * @throws when config.json is of no known family, naming them, or the checkpoint does not fit.
 */
export async function loadImageClassifier(
  directory: string | ModelDirectory,
  options: ClassificationOptions = {},
  families: readonly ImageModelFamily[] = IMAGE_FAMILIES,
): Promise<ImageClassifier> {
  const source = await openModelDirectory(directory);
  const file = `${source.name}/config.json`;
  const config = await readJson(source, "config.json");
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new Error(`${file}: expected a JSON object`);
  }
  const family = imageFamilyOf(config as Record<string, unknown>, families);
  if (!family) {
    const known = families.map(({ name }) => name).join(", ");
    throw new Error(`${file}: not the configuration of an image classifier; known are ${known}`);
  }
  return family.fromPretrained(source, options);
}
