import { add, pad, slice } from "../autograd/index.ts";
import type { Gpu } from "../gpu/index.ts";
import { Activation, type ActivationName, BatchNorm, Conv2d, Layer, type TrainingPass } from "../nn/index.ts";
import { type Shape, shapesEqual, type Tensor } from "../tensor/index.ts";

/** How checkpoints name the parts of a block: transformers' `layer.0.convolution`, or torchvision's `conv1`. */
export type BlockNaming = "transformers" | "torchvision";

export interface ResidualBlockOptions {
  inputs: number;
  outputs: number;
  stride: number;
  /** Two 3×3 convolutions, or 1×1, 3×3 and 1×1 with a quarter of the channels between (arXiv:1512.03385). */
  kind: "basic" | "bottleneck";
  /** The stride of a bottleneck on its first 1×1 convolution instead of the 3×3 one. */
  strideFirst?: boolean;
  /** Where lengths or channels change: a strided 1×1 convolution (B), or every other pixel and channels of zeros (A). */
  shortcut: "A" | "B";
  activation?: ActivationName;
  epsilon?: number;
  naming: BlockNaming;
}

/** A convolution without bias, its normalisation and, if any, an activation, as transformers names them. */
export class ConvolutionUnit extends Layer {
  readonly kind = "ConvolutionUnit";
  readonly #activation: Activation | null;

  constructor(
    readonly convolution: Conv2d,
    readonly normalization: BatchNorm,
    activation?: ActivationName,
  ) {
    super();
    this.#activation = activation ? new Activation(activation) : null;
  }

  override forward(x: Tensor, pass?: TrainingPass): Tensor {
    const y = this.normalization.forward(this.convolution.forward(x), pass);
    return this.#activation ? this.#activation.forward(y) : y;
  }

  override outputShape(shape: Shape): number[] {
    return this.convolution.outputShape(shape);
  }

  override initialize(seed: number): void {
    this.convolution.initialize(seed);
    this.normalization.initialize();
  }
}

export function convolutionUnit(
  gpu: Gpu,
  inputs: number,
  outputs: number,
  kernel: number,
  options: { stride?: number; epsilon?: number; activation?: ActivationName } = {},
): ConvolutionUnit {
  const { stride = 1, epsilon, activation } = options;
  const padding = Math.floor(kernel / 2);
  return new ConvolutionUnit(
    new Conv2d(gpu, inputs, outputs, kernel, { stride, padding, bias: false }),
    new BatchNorm(gpu, outputs, { epsilon }),
    activation,
  );
}

/** y = activation(F(x) + shortcut(x)) with F of two or three normalised convolutions (arXiv:1512.03385). */
export class ResidualBlock extends Layer {
  readonly kind = "ResidualBlock";
  readonly #units: readonly ConvolutionUnit[];
  readonly #projection: ConvolutionUnit | null;
  readonly #activation: Activation;
  readonly #options: ResidualBlockOptions;

  constructor(gpu: Gpu, options: ResidualBlockOptions) {
    super();
    this.#options = options;
    const { inputs, outputs, stride, epsilon, naming } = options;
    const changes = stride !== 1 || inputs !== outputs;
    if (options.shortcut === "A" && outputs < inputs) {
      throw new Error(`ResidualBlock: a shortcut of zeros cannot go from ${inputs} to ${outputs} channels`);
    }
    this.#activation = new Activation(options.activation ?? "relu");
    this.#units = makeUnits(gpu, options);
    this.#projection =
      changes && options.shortcut === "B" ? convolutionUnit(gpu, inputs, outputs, 1, { stride, epsilon }) : null;
    Object.assign(this, naming === "torchvision" ? this.#torchvisionNames() : this.#transformersNames());
  }

  override forward(x: Tensor, pass?: TrainingPass): Tensor {
    const last = this.#units.length - 1;
    let y = x;
    this.#units.forEach((unit, i) => {
      y = unit.forward(y, pass);
      if (i < last) y = this.#activation.forward(y);
    });
    return this.#activation.forward(add(y, this.#shortcut(x, pass)));
  }

  override outputShape(shape: Shape): number[] {
    const { inputs, outputs } = this.#options;
    if (shape.length !== 3 || shape[0] !== inputs) this.refuse(shape, `[${inputs}, height, width]`);
    const main = this.#units.reduce<Shape>((own, { convolution }) => convolution.outputShape(own), shape);
    const side = this.#projection
      ? this.#projection.convolution.outputShape(shape)
      : [outputs, ...shape.slice(1).map((n) => Math.ceil(n / this.#options.stride))];
    if (!shapesEqual(main, side)) this.refuse(shape, "an image whose two ways through the block have one size");
    return [...main];
  }

  override initialize(seed: number): void {
    [...this.#units, ...(this.#projection ? [this.#projection] : [])].forEach((unit, i) => {
      unit.initialize(4 * seed + i);
    });
  }

  #shortcut(x: Tensor, pass?: TrainingPass): Tensor {
    const { inputs, outputs, stride } = this.#options;
    if (this.#projection) return this.#projection.forward(x, pass);
    if (stride === 1 && inputs === outputs) return x;
    const [, , height, width] = x.shape;
    const thinned = slice(slice(x, 2, 0, height, stride), 3, 0, width, stride);
    const before = Math.floor((outputs - inputs) / 2);
    return pad(thinned, [
      [0, 0],
      [before, outputs - inputs - before],
      [0, 0],
      [0, 0],
    ]);
  }

  #transformersNames(): Record<string, unknown> {
    return { ...(this.#projection ? { shortcut: this.#projection } : {}), layer: this.#units };
  }

  #torchvisionNames(): Record<string, unknown> {
    const units = this.#units.flatMap(({ convolution, normalization }, i) => [
      [`conv${i + 1}`, convolution],
      [`bn${i + 1}`, normalization],
    ]);
    const projection = this.#projection;
    const downsample = projection ? { downsample: [projection.convolution, projection.normalization] } : {};
    return { ...Object.fromEntries(units), ...downsample };
  }
}

function makeUnits(gpu: Gpu, options: ResidualBlockOptions): ConvolutionUnit[] {
  const { inputs, outputs, stride, kind, strideFirst = false, epsilon } = options;
  if (kind === "basic") {
    return [
      convolutionUnit(gpu, inputs, outputs, 3, { stride, epsilon }),
      convolutionUnit(gpu, outputs, outputs, 3, { epsilon }),
    ];
  }
  const between = Math.floor(outputs / 4);
  return [
    convolutionUnit(gpu, inputs, between, 1, { stride: strideFirst ? stride : 1, epsilon }),
    convolutionUnit(gpu, between, between, 3, { stride: strideFirst ? 1 : stride, epsilon }),
    convolutionUnit(gpu, between, outputs, 1, { epsilon }),
  ];
}
