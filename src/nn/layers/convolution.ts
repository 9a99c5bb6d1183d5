import { conv2d } from "../../autograd/index.ts";
import type { Gpu } from "../../gpu/index.ts";
import type { Shape, Tensor } from "../../tensor/index.ts";
import { parameter } from "../module.ts";
import { initializeUniform } from "./initialize.ts";
import { Layer, requireSizes } from "./layer.ts";

/** Geometry of a convolution layer, in pixels of its input. */
export interface Conv2dOptions {
  stride?: number;
  padding?: number;
  dilation?: number;
  groups?: number;
  bias?: boolean;
}

/** Two-dimensional convolution with a square kernel; the weight is [outputs, inputs / groups, k, k], as in torch.nn. */
export class Conv2d extends Layer {
  readonly kind = "Conv2d";
  readonly weight: Tensor;
  readonly bias?: Tensor;
  readonly #inputs: number;
  readonly #options: Required<Omit<Conv2dOptions, "bias">>;

  constructor(gpu: Gpu, inputs: number, outputs: number, kernel: number, options: Conv2dOptions = {}) {
    super();
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
    requireSizes("Conv2d", { inputs, outputs, kernel, stride, dilation, groups });
    requireSizes("Conv2d", { padding }, 0);
    if (inputs % groups !== 0 || outputs % groups !== 0) {
      throw new Error(`Conv2d: ${groups} groups do not divide ${inputs} input and ${outputs} output channels`);
    }
    this.#inputs = inputs;
    this.#options = { stride, padding, dilation, groups };
    this.weight = parameter(gpu, [outputs, inputs / groups, kernel, kernel]);
    if (bias) this.bias = parameter(gpu, [outputs]);
  }

  override forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.#options);
  }

  override outputShape(shape: Shape): number[] {
    if (shape.length !== 3 || shape[0] !== this.#inputs) this.refuse(shape, `[${this.#inputs}, height, width]`);
    const [outputs, , kernel] = this.weight.shape;
    const { stride, padding, dilation } = this.#options;
    const lengths = shape.slice(1).map((n) => Math.floor((n + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1);
    if (lengths.some((n) => n < 1)) this.refuse(shape, `a height and a width that a ${kernel}×${kernel} kernel fits`);
    return [outputs, ...lengths];
  }

  override initialize(seed: number): void {
    const [, inputs, kernel] = this.weight.shape;
    initializeUniform(inputs * kernel * kernel, this.weight, this.bias, seed);
  }
}
