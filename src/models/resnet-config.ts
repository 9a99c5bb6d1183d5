import { type ActivationName, isActivationName } from "../nn/index.ts";
import { formatShape, type Shape, shapesEqual } from "../tensor/index.ts";
import type { BlockNaming } from "./residual-block.ts";

/** All that makes a residual network, read from one of the forms of config.json. */
export interface ResNetConfig {
  readonly family: "transformers" | "torchvision" | "cifar";
  readonly naming: BlockNaming;
  readonly labels: readonly string[];
  /** One image, [channels, height, width]. */
  readonly inputShape: Shape;
  /** Channels behind the first convolution. */
  readonly stem: number;
  /** Channels and number of blocks of each stage. */
  readonly widths: readonly number[];
  readonly depths: readonly number[];
  readonly kind: "basic" | "bottleneck";
  readonly shortcut: "A" | "B";
  /** Whether the first stage halves the image. */
  readonly downsampleFirst: boolean;
  /** Whether a bottleneck strides in its first 1×1 convolution. */
  readonly strideFirst: boolean;
  readonly activation: ActivationName;
  readonly epsilon: number;
  /** config.json as it was read. */
  readonly source: Readonly<Record<string, unknown>>;
}

/** Images that the families take when a config.json does not tell. */
export const TORCHVISION_INPUT: Shape = [3, 224, 224];
export const CIFAR_INPUT: Shape = [3, 32, 32];

/** The networks of the paper under torchvision's and timm's names: kind and blocks a stage. */
const TORCHVISION: Readonly<Record<string, [ResNetConfig["kind"], number[]]>> = {
  resnet18: ["basic", [2, 2, 2, 2]],
  resnet34: ["basic", [3, 4, 6, 3]],
  resnet50: ["bottleneck", [3, 4, 6, 3]],
  resnet101: ["bottleneck", [3, 4, 23, 3]],
  resnet152: ["bottleneck", [3, 8, 36, 3]],
};

/** Whether a config.json describes a residual network that {@link parseResNetConfig} reads. */
export function isResNetConfig(config: Readonly<Record<string, unknown>>): boolean {
  return config.model_type === "resnet" || config.arch === "cifar_resnet" || torchvisionName(config) !== undefined;
}

/**
 * Reads config.json: transformers' (`model_type: "resnet"`), timm's or torchvision's name of a network
 * (`architecture: "resnet50"`), or a CIFAR network (`arch: "cifar_resnet"` with `blocks_per_stage` and `widths`).
 *
 * @throws naming the file and the key.
 */
export function parseResNetConfig(json: unknown, file: string): ResNetConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error(`${file}: expected an object`);
  const config = json as Record<string, unknown>;
  if (config.model_type === "resnet") return transformersConfig(config, file);
  if (config.arch === "cifar_resnet") return cifarConfig(config, file);
  const name = torchvisionName(config);
  if (name !== undefined) return torchvisionConfig(config, file, name);
  throw new Error(
    `${file}: no residual network: expected model_type "resnet", arch "cifar_resnet" or architecture ${Object.keys(TORCHVISION).join(", ")}`,
  );
}

function torchvisionName({ architecture, arch }: Readonly<Record<string, unknown>>): string | undefined {
  return [architecture, arch].find(
    (name): name is string => typeof name === "string" && Object.hasOwn(TORCHVISION, name),
  );
}

function transformersConfig(config: Record<string, unknown>, file: string): ResNetConfig {
  const widths = positives(config.hidden_sizes ?? [256, 512, 1024, 2048], file, "hidden_sizes");
  const depths = positives(config.depths ?? [3, 4, 6, 3], file, "depths", widths.length);
  const kind = config.layer_type ?? "bottleneck";
  if (kind !== "basic" && kind !== "bottleneck")
    throw new Error(`${file}: layer_type is ${JSON.stringify(kind)}, expected "basic" or "bottleneck"`);
  const activation = config.hidden_act ?? "relu";
  if (!isActivationName(activation))
    throw new Error(`${file}: hidden_act ${JSON.stringify(activation)} is not supported`);
  const [channels] = positives([config.num_channels ?? 3], file, "num_channels");
  const [size] = positives([config.image_size ?? 224], file, "image_size");
  const [stem] = positives([config.embedding_size ?? 64], file, "embedding_size");
  return {
    family: "transformers",
    naming: "transformers",
    labels: readLabels(config, file) ?? ["LABEL_0", "LABEL_1"],
    inputShape: [channels, size, size],
    stem,
    widths,
    depths,
    kind,
    shortcut: "B",
    downsampleFirst: config.downsample_in_first_stage === true,
    strideFirst: config.downsample_in_bottleneck === true,
    activation,
    epsilon: 1e-5,
    source: config,
  };
}

function torchvisionConfig(config: Record<string, unknown>, file: string, name: string): ResNetConfig {
  const [kind, depths] = TORCHVISION[name];
  return {
    family: "torchvision",
    naming: "torchvision",
    labels: readLabels(config, file) ?? placeholderLabels(1000),
    inputShape: inputShapeOf(config, file, TORCHVISION_INPUT),
    stem: 64,
    widths: [64, 128, 256, 512].map((width) => (kind === "bottleneck" ? 4 * width : width)),
    depths:
      config.blocks_per_stage === undefined ? depths : positives(config.blocks_per_stage, file, "blocks_per_stage", 4),
    kind,
    shortcut: "B",
    downsampleFirst: false,
    strideFirst: false,
    activation: "relu",
    epsilon: 1e-5,
    source: config,
  };
}

function cifarConfig(config: Record<string, unknown>, file: string): ResNetConfig {
  const widths = positives(config.widths ?? [16, 32, 64], file, "widths");
  const blocks = config.blocks_per_stage;
  const depths = Array.isArray(blocks) ? blocks : widths.map(() => blocks);
  if (widths.some((width, stage) => stage > 0 && width < widths[stage - 1])) {
    throw new Error(`${file}: widths is ${formatShape(widths)}, expected none below the one before it`);
  }
  const epsilon = config.bn_eps ?? 1e-5;
  if (typeof epsilon !== "number" || !(epsilon > 0)) {
    throw new Error(`${file}: bn_eps is ${JSON.stringify(epsilon)}, expected a positive number`);
  }
  return {
    family: "cifar",
    naming: "torchvision",
    labels: readLabels(config, file) ?? placeholderLabels(10),
    inputShape: inputShapeOf(config, file, CIFAR_INPUT),
    stem: widths[0],
    widths,
    depths: positives(depths, file, "blocks_per_stage", widths.length),
    kind: "basic",
    shortcut: "A",
    downsampleFirst: false,
    strideFirst: false,
    activation: "relu",
    epsilon,
    source: config,
  };
}

/**
 * Class names of a config: transformers' `id2label`, a list under `classes` or `label_names`, or as many numbered ones as
 * `num_labels` or `num_classes` says; undefined when none is given.
 */
export function readLabels(config: Readonly<Record<string, unknown>>, file: string): string[] | undefined {
  const { id2label } = config;
  if (typeof id2label === "object" && id2label !== null) {
    const count = Object.keys(id2label).length;
    return Array.from({ length: count }, (_, index) => {
      const label = (id2label as Record<string, unknown>)[index];
      if (typeof label !== "string") throw new Error(`${file}: id2label has ${count} entries but no name for ${index}`);
      return label;
    });
  }
  const [key] = ["classes", "label_names"].filter((name) => config[name] !== undefined && config[name] !== null);
  if (key !== undefined) {
    const list = config[key];
    const isNames = Array.isArray(list) && list.length > 0 && list.every((label) => typeof label === "string");
    if (!isNames) throw new Error(`${file}: ${key} is ${JSON.stringify(list)}, expected a list of class names`);
    return list as string[];
  }
  const count = config.num_labels ?? config.num_classes;
  return count === undefined ? undefined : placeholderLabels(positives([count], file, "num_classes")[0]);
}

/** transformers' names of classes that have none. */
export const placeholderLabels = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `LABEL_${index}`);

/** `input` or timm's `input_size`: [channels, height, width]. */
export function inputShapeOf(config: Readonly<Record<string, unknown>>, file: string, byDefault: Shape): Shape {
  const pretrained = (config.pretrained_cfg ?? {}) as Record<string, unknown>;
  const given = config.input ?? pretrained.input_size;
  return given === undefined ? byDefault : positives(given, file, "input", 3);
}

/**
 * A config.json with a model's classes and images in the place of those it was read with. Of another number of channels
 * it does not tell means and deviations.
 */
export function withLabelsAndInput(
  source: Readonly<Record<string, unknown>>,
  labels: readonly string[],
  inputShape: Shape,
  byDefault: Shape,
): Record<string, unknown> {
  const { id2label: _, label2id: __, label_names: ___, num_labels: ____, num_classes: _____, ...rest } = source;
  const before = inputShapeOf(source, "config.json", byDefault);
  const file = { ...rest, classes: labels };
  if (shapesEqual(before, inputShape)) return file;
  const { mean, std, ...others } = rest;
  return { ...(before[0] === inputShape[0] ? file : { ...others, classes: labels }), input: inputShape };
}

/** A list of positive integers, of a length when one is given. */
function positives(value: unknown, file: string, key: string, length?: number): number[] {
  const fits = Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n > 0);
  if (!fits || (length !== undefined && value.length !== length)) {
    const shown = Array.isArray(value) ? formatShape(value) : JSON.stringify(value);
    throw new Error(`${file}: ${key} is ${shown}, expected ${length ?? "some"} positive integers`);
  }
  return value;
}
