import type { Gpu } from "../gpu/index.ts";
import type { ModelDirectory } from "../io/index.ts";
import { Activation, BatchNorm, Conv2d, GlobalAveragePool2d, Linear, MaxPool2d, type NamedLayer } from "../nn/index.ts";
import {
  LayeredClassifier,
  type LayeredClassifierOptions,
  labelMaps,
  loadClassifierWeights,
} from "./layered-classifier.ts";
import { defaultGpu, filled, openModelDirectory, readJson } from "./loading.ts";
import { convolutionUnit, ResidualBlock } from "./residual-block.ts";
import {
  CIFAR_INPUT,
  parseResNetConfig,
  type ResNetConfig,
  TORCHVISION_INPUT,
  withLabelsAndInput,
} from "./resnet-config.ts";

/** Where the blocks of a stage stand, and what stands around them, under each family's names. */
const NAMES = {
  transformers: {
    block: (stage: number, index: number) => `resnet.encoder.stages.${stage}.layers.${index}`,
    pattern: /^(resnet\.encoder\.stages\.(\d+)\.layers\.)(\d+)$/,
    pool: "resnet.pooler",
    head: "classifier.1",
  },
  torchvision: {
    block: (stage: number, index: number) => `layer${stage + 1}.${index}`,
    pattern: /^(layer(\d+)\.)(\d+)$/,
    pool: "avgpool",
    head: "fc",
  },
  cifar: {
    block: (stage: number, index: number) => `layer${stage + 1}.${index}`,
    pattern: /^(layer(\d+)\.)(\d+)$/,
    pool: "avgpool",
    head: "linear",
  },
} as const;

/**
 * A residual network for image classification (arXiv:1512.03385), with basic or bottleneck blocks: transformers'
 * `ResNetForImageClassification`, torchvision's and timm's networks by their names, and the CIFAR networks with
 * shortcuts of zeros. The parameters have the names of the checkpoint's family.
 */
export class ResNet extends LayeredClassifier {
  override readonly architecture: string;
  readonly #config: ResNetConfig;

  /** Parameters are undefined until weights are loaded, or {@link LayeredClassifier.reinitialize} gives them values. */
  constructor(gpu: Gpu, config: ResNetConfig) {
    const { labels, inputShape, source, family, naming } = config;
    super(gpu, {
      labels,
      inputShape,
      source,
      layers: makeLayers(gpu, config),
      head: NAMES[family].head,
      basePrefix: naming === "transformers" ? "resnet." : "",
    });
    this.#config = config;
    this.architecture = family === "transformers" ? "ResNetForImageClassification" : `ResNet (${family})`;
  }

  /**
   * Loads a directory with config.json and safetensors. Other class names than the checkpoint's give a new head.
   *
   * @throws when config and checkpoint do not fit, unless `strict: false`; `loadReport` then tells.
   */
  static async fromPretrained(
    directory: string | ModelDirectory,
    options: LayeredClassifierOptions = {},
  ): Promise<ResNet> {
    const source = await openModelDirectory(directory);
    const config = parseResNetConfig(await readJson(source, "config.json"), `${source.name}/config.json`);
    return filled(new ResNet(defaultGpu(options), config), (model) => loadClassifierWeights(model, source, options));
  }

  /**
   * Takes a block out of its stage; the ones behind it move up, so that names stay without a gap and config.json tells
   * how many there are.
   *
   * @throws when the next layer does not take what the one before the block gives: a block that changes lengths or
   * channels cannot go. When it is the only block of its stage.
   */
  dropBlock(name: string): this {
    const { pattern } = NAMES[this.#config.family];
    const own = this.layers.some((layer) => layer.name === name) ? name : `${this.basePrefix}${name}`;
    const dropped = pattern.exec(own);
    if (!dropped) {
      const blocks = this.layers.map((layer) => layer.name).filter((other) => pattern.test(other));
      throw new Error(`dropBlock: "${name}" is no block; there are ${blocks.join(", ")}`);
    }
    if (this.layers.filter((layer) => pattern.exec(layer.name)?.[1] === dropped[1]).length === 1) {
      throw new Error(`dropBlock: "${name}" is the only block of its stage, and a stage has one at least`);
    }
    this.remove(own);
    this.renameLayers((other) => {
      const match = pattern.exec(other);
      if (!match || match[1] !== dropped[1] || Number(match[3]) < Number(dropped[3])) return other;
      return `${match[1]}${Number(match[3]) - 1}`;
    });
    return this;
  }

  /** Blocks of each stage. */
  get depths(): number[] {
    const { family, widths } = this.#config;
    const { pattern } = NAMES[family];
    const stages = this.layers.flatMap(({ name }) => pattern.exec(name)?.[2] ?? []);
    const first = family === "transformers" ? 0 : 1;
    return widths.map((_, stage) => stages.filter((own) => Number(own) === stage + first).length);
  }

  protected override configFile(): Record<string, unknown> {
    const { family, source } = this.#config;
    if (family === "transformers") {
      const file = { ...source, architectures: [this.architecture], ...labelMaps(this.labels), depths: this.depths };
      return this.channels === (source.num_channels ?? 3) ? file : { ...file, num_channels: this.channels };
    }
    const byDefault = family === "cifar" ? CIFAR_INPUT : TORCHVISION_INPUT;
    return { ...withLabelsAndInput(source, this.labels, this.inputShape, byDefault), blocks_per_stage: this.depths };
  }
}

function makeLayers(gpu: Gpu, config: ResNetConfig): NamedLayer[] {
  const { family, widths } = config;
  const { pool, head } = NAMES[family];
  return [
    ...stemLayers(gpu, config),
    ...blockLayers(gpu, config),
    [pool, new GlobalAveragePool2d()],
    [head, new Linear(gpu, widths[widths.length - 1], config.labels.length)],
  ];
}

function stemLayers(gpu: Gpu, { family, inputShape, stem, activation, epsilon }: ResNetConfig): NamedLayer[] {
  const [channels] = inputShape;
  const pool = (): MaxPool2d => new MaxPool2d(3, { stride: 2, padding: 1 });
  if (family === "transformers") {
    return [
      ["resnet.embedder.embedder", convolutionUnit(gpu, channels, stem, 7, { stride: 2, activation, epsilon })],
      ["resnet.embedder.pooler", pool()],
    ];
  }
  const [kernel, stride] = family === "cifar" ? [3, 1] : [7, 2];
  const padding = Math.floor(kernel / 2);
  return [
    ["conv1", new Conv2d(gpu, channels, stem, kernel, { stride, padding, bias: false })],
    ["bn1", new BatchNorm(gpu, stem, { epsilon })],
    ["relu", new Activation(activation)],
    ...(family === "torchvision" ? [["maxpool", pool()] as const] : []),
  ];
}

function blockLayers(gpu: Gpu, config: ResNetConfig): NamedLayer[] {
  const { family, widths, depths, stem, downsampleFirst } = config;
  return widths.flatMap((width, stage) =>
    Array.from({ length: depths[stage] }, (_, index): NamedLayer => {
      const first = index === 0;
      const before = stage === 0 ? stem : widths[stage - 1];
      const stride = first && (stage > 0 || downsampleFirst) ? 2 : 1;
      const block = new ResidualBlock(gpu, { ...config, inputs: first ? before : width, outputs: width, stride });
      return [NAMES[family].block(stage, index), block];
    }),
  );
}
