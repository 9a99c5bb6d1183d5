import type { Gpu } from "../gpu/index.ts";
import type { ModelDirectory, OutputDirectory } from "../io/index.ts";
import { BatchNorm, type Layer, LayerList, Linear, type NamedLayer, type TrainingPass } from "../nn/index.ts";
import { formatShape, type Shape, type Tensor } from "../tensor/index.ts";
import { ImageClassifier } from "./image-classifier.ts";
import { type Initialization, initializeLayer } from "./initialization.ts";
import {
  type ClassificationOptions,
  createOutputDirectory,
  type LoadReport,
  loadInto,
  saveWeights,
} from "./loading.ts";
import type { NameMapping } from "./name-mapping.ts";
import type { Stage } from "./staged-model.ts";

/** Classes and images of a model of layers. */
export interface LayeredClassifierConfig {
  /** Class names, in the order of the scores. */
  readonly labels: readonly string[];
  /** Shape of one image, [channels, height, width]. Other heights and widths run where the layers take them. */
  readonly inputShape: Shape;
  /** Further keys for config.json. */
  readonly source?: Readonly<Record<string, unknown>>;
}

/** What a model of layers is made of. */
export interface LayeredClassifierInit extends LayeredClassifierConfig {
  readonly layers: readonly NamedLayer[];
  /** Name of the layer at which the head begins. */
  readonly head: string;
  /** Prefix that patterns and checkpoints of the base model may leave out. */
  readonly basePrefix?: string;
}

/** How a model of layers is loaded. */
export interface LayeredClassifierOptions extends ClassificationOptions {
  /** The checkpoint's names for those of the module tree. */
  names?: NameMapping;
}

/**
 * A convolutional classifier: a list of named layers whose last ones are the head. The list can be changed, before and
 * between trainings; each change is checked against the shapes at once, and one that does not fit is refused with
 * nothing changed.
 *
 * @example
 * const model = await ResNet.fromPretrained("resnet20");
 * model.replaceHead(["even", "odd"], { head: { seed: 1 } });
 * model.insert("squeeze", new Conv2d(gpu, 64, 32, 1), { after: "layer3.2" }); // throws: the head takes 64 channels
 */
export class LayeredClassifier extends ImageClassifier {
  override readonly architecture: string = "LayeredClassifier";
  protected override readonly basePrefix: string;
  readonly #layers: LayerList;
  readonly #source: Readonly<Record<string, unknown>>;
  #labels: readonly string[];
  #head: string;

  constructor(
    override readonly gpu: Gpu,
    init: LayeredClassifierInit,
  ) {
    super();
    this.basePrefix = init.basePrefix ?? "";
    this.#labels = init.labels;
    this.#source = init.source ?? {};
    this.#head = init.head;
    this.#layers = new LayerList(this, init.inputShape, init.layers, (shape) => this.#checkScores(shape));
    this.#layers.indexOf(init.head);
  }

  /** Class names, in the order of the scores. */
  override get labels(): readonly string[] {
    return this.#labels;
  }

  /** Shape of one image, [channels, height, width]. */
  get inputShape(): Shape {
    return this.#layers.inputShape;
  }

  override get channels(): number {
    return this.inputShape[0];
  }

  /** Every layer in order, with the shape of its result for one image. */
  get layers(): readonly { name: string; layer: Layer; shape: readonly number[] }[] {
    return this.#layers.entries();
  }

  get config(): LayeredClassifierConfig {
    return { labels: this.#labels, inputShape: this.inputShape, source: this.#source };
  }

  override get stages(): readonly Stage<Tensor>[] {
    const trunk = this.layers.slice(0, this.#layers.indexOf(this.#head));
    // A level is a layer with weights, or a block of them; normalisations belong to what they follow.
    const counts = trunk.map(({ layer }) => Number(!(layer instanceof BatchNorm) && layer.parameters().length > 0));
    const above = (index: number): number => counts.slice(index + 1).reduce((sum, count) => sum + count, 0);
    return trunk.map(({ name, layer }, index) => ({
      name,
      module: layer,
      isRandom: layer.isRandom,
      level: above(index),
      run: (x, images, pass) => layer.forward(x ?? images, pass),
    }));
  }

  override get headModules(): readonly { name: string; parameters: readonly Tensor[] }[] {
    return this.#headLayers()
      .map(({ name, layer }) => ({ name, parameters: layer.parameters() }))
      .filter(({ parameters }) => parameters.length > 0);
  }

  override head(features: Tensor, pass?: TrainingPass): Tensor {
    return this.#headLayers().reduce((x, { layer }) => layer.forward(x, pass), features);
  }

  /** @throws naming the layer that images of this size do not fit. */
  override checkImageSize(height: number, width: number): void {
    const [channels, ...size] = this.inputShape;
    if (size[0] === height && size[1] === width) return;
    try {
      this.#layers.check([channels, height, width]);
    } catch (error) {
      throw new Error(`images of ${height} × ${width} do not go through the model: ${(error as Error).message}`);
    }
  }

  /** Puts a layer behind another one, or in front of it. */
  insert(name: string, layer: Layer, place: { after: string } | { before: string }): this {
    const { after, before } = (place ?? {}) as { after?: string; before?: string };
    if ((after === undefined) === (before === undefined)) {
      throw new Error(`insert: expected { after: NAME } or { before: NAME } for the place of "${name}"`);
    }
    const index = "after" in place ? this.#layers.indexOf(place.after) + 1 : this.#layers.indexOf(place.before);
    this.#layers.splice(index, 0, [name, layer]);
    return this;
  }

  /** Takes a layer out and frees it. */
  remove(name: string): this {
    if (name === this.#head) throw new Error(`layer "${name}" is where the head begins: replace the head instead`);
    this.#layers.splice(this.#layers.indexOf(name), 1);
    return this;
  }

  /** Puts another layer under a name; the old one is freed. */
  replace(name: string, layer: Layer): this {
    this.#layers.splice(this.#layers.indexOf(name), 1, [name, layer]);
    return this;
  }

  /**
   * A new, untrained head for other classes: a layer of the old one's kind, or the layers given. Everything from where
   * the old head began gives way.
   */
  replaceHead(
    labels: readonly string[],
    options: { layers?: readonly NamedLayer[]; head?: Initialization } = {},
  ): this {
    if (!Array.isArray(labels)) throw new Error("replaceHead: expected an array of class names");
    if (labels.length < 1) throw new Error("replaceHead: a classifier needs at least one class");
    if (options.layers?.length === 0) throw new Error("replaceHead: a head needs at least one layer");
    const head = options.layers ?? this.makeHead(labels.length, options.head ?? { seed: 0 });
    const begin = this.#layers.indexOf(this.#head);
    const before = this.#labels;
    this.#labels = labels;
    try {
      this.#layers.splice(begin, this.layers.length - begin, ...head);
    } catch (error) {
      this.#labels = before;
      throw error;
    }
    this.#head = head[0][0];
    return this;
  }

  /** Gives the layers that match any of the patterns the values of new ones. */
  reinitialize(patterns: string | readonly string[], seed: number): this {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new Error(`reinitialize: seed ${seed} is not a non-negative safe integer`);
    }
    for (const pattern of typeof patterns === "string" ? [patterns] : patterns) {
      const matching = this.layers.filter(({ name }) => this.matches(name, pattern));
      if (matching.length === 0) throw new Error(`reinitialize: pattern "${pattern}" matches no layer`);
      matching.forEach(({ name, layer }) => {
        layer.initialize(seed + this.#layers.indexOf(name));
      });
    }
    return this;
  }

  /** Saves `model.safetensors` under the layers' names, and `config.json`. */
  override async save(directory: string | OutputDirectory): Promise<void> {
    const output = await createOutputDirectory(directory);
    await output.writeText("config.json", `${JSON.stringify(this.configFile(), null, 2)}\n`);
    await saveWeights(this, output);
  }

  /** What config.json says. */
  protected configFile(): Record<string, unknown> {
    return { ...this.#source, ...labelMaps(this.#labels) };
  }

  /** The layers of a new head: a linear layer under the old one's name. */
  protected makeHead(classes: number, how: Initialization): readonly NamedLayer[] {
    const begin = this.#layers.indexOf(this.#head);
    const features = begin === 0 ? this.inputShape : this.layers[begin - 1].shape;
    const last = this.layers[this.layers.length - 1];
    if (begin !== this.layers.length - 1 || !(last.layer instanceof Linear) || features.length !== 1) {
      throw new Error(`replaceHead: this head is more than a linear layer; give the layers of the new one`);
    }
    const linear = new Linear(this.gpu, features[0], classes);
    initializeLayer(linear, how);
    return [[last.name, linear]];
  }

  /** Keeps what loading found. */
  setReport(report: LoadReport): void {
    this.setLoaded(report);
  }

  protected renameLayers(newName: (name: string) => string): void {
    this.#layers.rename(newName);
  }

  #headLayers(): { name: string; layer: Layer }[] {
    return this.layers.slice(this.#layers.indexOf(this.#head));
  }

  #checkScores(shape: Shape): void {
    if (shape.length !== 1 || shape[0] !== this.#labels.length) {
      throw new Error(`the last layer gives ${formatShape(shape)}, expected [${this.#labels.length}]: a score a class`);
    }
  }
}

/**
 * Fills a classifier from a directory or a safetensors file, and gives it a new head where the options ask for other
 * classes.
 */
export async function loadClassifierWeights(
  model: LayeredClassifier,
  directory: ModelDirectory,
  options: LayeredClassifierOptions = {},
): Promise<void> {
  model.setReport(await loadInto(model, directory, options));
  const { labels = model.labels, newHead = false, head } = options;
  const isSame = labels.length === model.labels.length && labels.every((label, i) => label === model.labels[i]);
  if (newHead || !isSame) model.replaceHead(labels, { head });
}

/** Class names as transformers writes them. */
export const labelMaps = (labels: readonly string[]): Record<string, unknown> => ({
  id2label: Object.fromEntries(labels.map((label, index) => [index, label])),
  label2id: Object.fromEntries(labels.map((label, index) => [label, index])),
});
