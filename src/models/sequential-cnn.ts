import type { Gpu } from "../gpu/index.ts";
import type { ModelDirectory } from "../io/index.ts";
import {
  Activation,
  AveragePool2d,
  BatchNorm,
  Conv2d,
  Dropout,
  Flatten,
  GlobalAveragePool2d,
  isActivationName,
  type Layer,
  Linear,
  MaxPool2d,
  type NamedLayer,
} from "../nn/index.ts";
import type { Shape } from "../tensor/index.ts";
import { LayeredClassifier, type LayeredClassifierOptions, loadClassifierWeights } from "./layered-classifier.ts";
import { defaultGpu, filled, openModelDirectory, readJson } from "./loading.ts";
import { inputShapeOf, placeholderLabels, readLabels, withLabelsAndInput } from "./resnet-config.ts";

/** What `arch` says in the config.json of such a network. */
export const SEQUENTIAL_ARCH = "sequential_cnn";

/** Images that a network takes whose config.json does not tell. */
const INPUT: Shape = [3, 32, 32];

/** One layer as config.json has it: its name in the checkpoint, its kind, and numbers that go with the kind. */
export type LayerSpec = Readonly<{ name: string; kind: string; [setting: string]: unknown }>;

/** What `config.json` of a network of plain layers says. */
export interface SequentialCNNConfig {
  readonly labels: readonly string[];
  readonly inputShape: Shape;
  readonly layers: readonly LayerSpec[];
  /** Name of the layer at which the head begins. */
  readonly head: string;
  /** config.json as it was read. */
  readonly source: Readonly<Record<string, unknown>>;
}

/** Reads a layer's settings, each of which is used once. */
class Settings {
  readonly #left: Set<string>;

  constructor(private readonly spec: LayerSpec) {
    this.#left = new Set(Object.keys(spec).filter((key) => key !== "name" && key !== "kind"));
  }

  integer(key: string, fallback?: number, least = 1): number {
    this.#left.delete(key);
    const value = this.spec[key] ?? fallback;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
    return this.#refuse(key, `a whole number of at least ${least}`);
  }

  flag(key: string, fallback: boolean): boolean {
    this.#left.delete(key);
    const value = this.spec[key] ?? fallback;
    return typeof value === "boolean" ? value : this.#refuse(key, "true or false");
  }

  fraction(key: string, fallback: number): number {
    this.#left.delete(key);
    const value = this.spec[key] ?? fallback;
    return typeof value === "number" && value >= 0 && value < 1
      ? value
      : this.#refuse(key, "a number from 0 to below 1");
  }

  activation(key: string): ConstructorParameters<typeof Activation>[0] {
    this.#left.delete(key);
    const value = this.spec[key] ?? "relu";
    return isActivationName(value) ? value : this.#refuse(key, "the name of an activation");
  }

  finish(): void {
    const [unknown] = this.#left;
    if (unknown !== undefined) throw new Error(`layer "${this.spec.name}": ${this.spec.kind} has no "${unknown}"`);
  }

  #refuse(key: string, expected: string): never {
    const value = JSON.stringify(this.spec[key]);
    throw new Error(`layer "${this.spec.name}": "${key}" is ${value}, expected ${expected}`);
  }
}

/** Makes a layer of each kind behind one that gives `shape`. */
const KINDS: Readonly<Record<string, (gpu: Gpu, shape: Shape, settings: Settings) => Layer>> = {
  Conv2d: (gpu, [inputs], settings) =>
    new Conv2d(gpu, inputs, settings.integer("channels"), settings.integer("kernel"), {
      stride: settings.integer("stride", 1),
      padding: settings.integer("padding", 0, 0),
      dilation: settings.integer("dilation", 1),
      groups: settings.integer("groups", 1),
      bias: settings.flag("bias", true),
    }),
  Linear: (gpu, [inputs], settings) =>
    new Linear(gpu, inputs, settings.integer("features"), { bias: settings.flag("bias", true) }),
  BatchNorm: (gpu, [channels]) => new BatchNorm(gpu, channels),
  Activation: (_gpu, _shape, settings) => new Activation(settings.activation("function")),
  MaxPool2d: (_gpu, _shape, settings) => new MaxPool2d(...poolOf(settings)),
  AveragePool2d: (_gpu, _shape, settings) => new AveragePool2d(...poolOf(settings)),
  GlobalAveragePool2d: () => new GlobalAveragePool2d(),
  Flatten: () => new Flatten(),
  Dropout: (_gpu, _shape, settings) => new Dropout(settings.fraction("rate", 0.5)),
};

function poolOf(settings: Settings): [kernel: number, options: { stride: number; padding: number; ceilMode: boolean }] {
  const kernel = settings.integer("kernel");
  return [
    kernel,
    {
      stride: settings.integer("stride", kernel),
      padding: settings.integer("padding", 0, 0),
      ceilMode: settings.flag("ceilMode", false),
    },
  ];
}

/** @throws naming the layer and the setting that is wrong. */
function makeLayers(gpu: Gpu, specs: readonly LayerSpec[], inputShape: Shape): NamedLayer[] {
  let shape = inputShape;
  const layers: NamedLayer[] = [];
  try {
    for (const spec of specs) {
      const settings = new Settings(spec);
      const layer = KINDS[spec.kind](gpu, shape, settings);
      layers.push([spec.name, layer]);
      settings.finish();
      shape = layer.outputShape(shape);
    }
    return layers;
  } catch (error) {
    for (const [, layer] of layers) layer.dispose();
    throw error;
  }
}

/**
 * Reads a config.json that lists a network's layers:
 *
 *     { "arch": "sequential_cnn", "input": [1, 28, 28], "classes": ["0", …], "head": "fc2",
 *       "layers": [{ "name": "conv1", "kind": "Conv2d", "channels": 8, "kernel": 3 }, …] }
 *
 * Channels and features that come in follow from the layer before.
 *
 * @throws naming the file and the key.
 */
export function parseSequentialConfig(json: unknown, file: string): SequentialCNNConfig {
  const config = (typeof json === "object" && json !== null ? json : {}) as Record<string, unknown>;
  if (config.arch !== SEQUENTIAL_ARCH) {
    throw new Error(`${file}: arch is ${JSON.stringify(config.arch)}, expected "${SEQUENTIAL_ARCH}"`);
  }
  const { layers, head } = config;
  if (!Array.isArray(layers) || layers.length === 0) throw new Error(`${file}: layers: expected a list of layers`);
  for (const [i, layer] of layers.entries()) {
    const { name, kind } = (layer ?? {}) as Record<string, unknown>;
    if (typeof name !== "string" || name === "") throw new Error(`${file}: layers[${i}]: expected a name`);
    if (typeof kind !== "string" || !Object.hasOwn(KINDS, kind)) {
      const kinds = Object.keys(KINDS).join(", ");
      throw new Error(`${file}: layers[${i}]: kind is ${JSON.stringify(kind)}, expected one of ${kinds}`);
    }
  }
  const names = (layers as LayerSpec[]).map(({ name }) => name);
  if (typeof head !== "string" || !names.includes(head)) {
    throw new Error(`${file}: head is ${JSON.stringify(head)}, expected one of ${names.join(", ")}`);
  }
  return {
    labels: readLabels(config, file) ?? placeholderLabels(10),
    inputShape: inputShapeOf(config, file, INPUT),
    layers: layers as LayerSpec[],
    head,
    source: config,
  };
}

/**
 * A network of plain layers one behind the other, which its config.json lists. Where its head is one linear layer, other
 * classes give it a new one.
 */
export class SequentialCNN extends LayeredClassifier {
  override readonly architecture = "sequential CNN";
  readonly #specs: readonly LayerSpec[];
  readonly #head: string;

  constructor(gpu: Gpu, config: SequentialCNNConfig) {
    const { labels, inputShape, source, layers, head } = config;
    super(gpu, { labels, inputShape, source, head, layers: makeLayers(gpu, layers, inputShape) });
    this.#specs = layers;
    this.#head = head;
  }

  /** Loads a directory with config.json and safetensors. Other class names than the checkpoint's give a new head. */
  static async fromPretrained(
    directory: string | ModelDirectory,
    options: LayeredClassifierOptions = {},
  ): Promise<SequentialCNN> {
    const source = await openModelDirectory(directory);
    const file = `${source.name}/config.json`;
    const config = parseSequentialConfig(await readJson(source, "config.json"), file);
    let model: SequentialCNN;
    try {
      model = new SequentialCNN(defaultGpu(options), config);
    } catch (error) {
      throw new Error(`${file}: ${(error as Error).message}`);
    }
    return filled(model, () => loadClassifierWeights(model, source, options));
  }

  protected override configFile(): Record<string, unknown> {
    const { source = {} } = this.config;
    const layers = this.#specs.map((spec) =>
      spec.name === this.#head && spec.kind === "Linear" ? { ...spec, features: this.labels.length } : spec,
    );
    return { ...withLabelsAndInput(source, this.labels, this.inputShape, INPUT), layers };
  }
}
