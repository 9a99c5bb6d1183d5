import { concat, relu } from "../autograd/index.ts";
import type { Gpu } from "../gpu/index.ts";
import type { ModelDirectory } from "../io/index.ts";
import { Activation, Conv2d, Dropout, GlobalAveragePool2d, Layer, MaxPool2d, type NamedLayer } from "../nn/index.ts";
import type { Shape, Tensor } from "../tensor/index.ts";
import { type Initialization, initializeLayer } from "./initialization.ts";
import { LayeredClassifier, type LayeredClassifierOptions, loadClassifierWeights } from "./layered-classifier.ts";
import { defaultGpu, filled, openModelDirectory, readJson } from "./loading.ts";
import { inputShapeOf, placeholderLabels, readLabels, TORCHVISION_INPUT, withLabelsAndInput } from "./resnet-config.ts";

/** Squeeze to few channels, expand with 1×1 and 3×3 convolutions side by side. */
export class Fire extends Layer {
  readonly kind = "Fire";
  readonly squeeze: Conv2d;
  readonly expand1x1: Conv2d;
  readonly expand3x3: Conv2d;

  constructor(gpu: Gpu, inputs: number, squeezed: number, expanded: number) {
    super();
    this.squeeze = new Conv2d(gpu, inputs, squeezed, 1);
    this.expand1x1 = new Conv2d(gpu, squeezed, expanded, 1);
    this.expand3x3 = new Conv2d(gpu, squeezed, expanded, 3, { padding: 1 });
  }

  override forward(x: Tensor): Tensor {
    const squeezed = relu(this.squeeze.forward(x));
    return relu(concat([this.expand1x1.forward(squeezed), this.expand3x3.forward(squeezed)], 1));
  }

  override outputShape(shape: Shape): number[] {
    const [channels, height, width] = this.expand1x1.outputShape(this.squeeze.outputShape(shape));
    return [2 * channels, height, width];
  }

  override initialize(seed: number): void {
    [this.squeeze, this.expand1x1, this.expand3x3].forEach((layer, i) => {
      layer.initialize(4 * seed + i);
    });
  }
}

/** Place in `features`, channels in, squeezed, and expanded by each of the two convolutions. */
const FIRES: readonly [number, number, number, number][] = [
  [3, 64, 16, 64],
  [4, 128, 16, 64],
  [6, 128, 32, 128],
  [7, 256, 32, 128],
  [9, 256, 48, 192],
  [10, 384, 48, 192],
  [11, 384, 64, 256],
  [12, 512, 64, 256],
];

export interface SqueezeNetConfig {
  readonly labels: readonly string[];
  readonly inputShape: Shape;
  /** config.json as it was read. */
  readonly source: Record<string, unknown>;
}

/** Reads a config.json with `arch: "squeezenet1_1"`. @throws naming the file and the key. */
export function parseSqueezeNetConfig(json: unknown, file: string): SqueezeNetConfig {
  const config = (typeof json === "object" && json !== null ? json : {}) as Record<string, unknown>;
  if (config.arch !== "squeezenet1_1") {
    throw new Error(`${file}: arch is ${JSON.stringify(config.arch)}, expected "squeezenet1_1"`);
  }
  return {
    labels: readLabels(config, file) ?? placeholderLabels(1000),
    inputShape: inputShapeOf(config, file, TORCHVISION_INPUT),
    source: config,
  };
}

/** SqueezeNet 1.1 (arXiv:1602.07360 and its authors' later release), under torchvision's names. */
export class SqueezeNet extends LayeredClassifier {
  override readonly architecture = "SqueezeNet 1.1";

  constructor(
    gpu: Gpu,
    labels: readonly string[],
    options: { inputShape?: Shape; source?: Record<string, unknown> } = {},
  ) {
    const { inputShape = [3, 224, 224], source } = options;
    const pool = (): MaxPool2d => new MaxPool2d(3, { stride: 2, ceilMode: true });
    const layers: NamedLayer[] = [
      ["features.0", new Conv2d(gpu, inputShape[0], 64, 3, { stride: 2 })],
      ["features.1", new Activation("relu")],
      ["features.2", pool()],
      ...FIRES.map(([place, ...sizes]): NamedLayer => [`features.${place}`, new Fire(gpu, ...sizes)]),
      ...headLayers(gpu, labels.length),
    ];
    for (const place of [5, 8]) {
      const behind = layers.findIndex(([name]) => name === `features.${place - 1}`);
      layers.splice(behind + 1, 0, [`features.${place}`, pool()]);
    }
    super(gpu, { labels, inputShape, source, layers, head: "classifier.0" });
  }

  /** Loads a directory with config.json and safetensors. Other class names than the checkpoint's give a new head. */
  static async fromPretrained(
    directory: string | ModelDirectory,
    options: LayeredClassifierOptions = {},
  ): Promise<SqueezeNet> {
    const source = await openModelDirectory(directory);
    const config = parseSqueezeNetConfig(await readJson(source, "config.json"), `${source.name}/config.json`);
    const model = new SqueezeNet(defaultGpu(options), config.labels, config);
    return filled(model, () => loadClassifierWeights(model, source, options));
  }

  protected override makeHead(classes: number, how: Initialization): readonly NamedLayer[] {
    const head = headLayers(this.gpu, classes);
    for (const [, layer] of head) initializeLayer(layer, how);
    return head;
  }

  protected override configFile(): Record<string, unknown> {
    return withLabelsAndInput(this.config.source ?? {}, this.labels, this.inputShape, TORCHVISION_INPUT);
  }
}

/** Dropout, then a score a class at every place, averaged. */
function headLayers(gpu: Gpu, classes: number): NamedLayer[] {
  return [
    ["classifier.0", new Dropout(0.5)],
    ["classifier.1", new Conv2d(gpu, 512, classes, 1)],
    ["classifier.2", new Activation("relu")],
    ["classifier.3", new GlobalAveragePool2d()],
  ];
}
