import { layerNorm } from "../../autograd/index.ts";
import type { Gpu } from "../../gpu/index.ts";
import type { Shape, Tensor } from "../../tensor/index.ts";
import { parameter } from "../module.ts";
import { fillWith } from "./initialize.ts";
import { Layer, requireSizes } from "./layer.ts";

/** Layer normalisation over the last axis, with weight and bias. */
export class LayerNorm extends Layer {
  readonly kind = "LayerNorm";
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly #epsilon: number;

  constructor(gpu: Gpu, width: number, epsilon = 1e-5) {
    super();
    requireSizes("LayerNorm", { width });
    this.weight = parameter(gpu, [width]);
    this.bias = parameter(gpu, [width]);
    this.#epsilon = epsilon;
  }

  override forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, this.#epsilon);
  }

  override outputShape(shape: Shape): number[] {
    if (shape.at(-1) !== this.weight.size) this.refuse(shape, `a last axis of ${this.weight.size}`);
    return [...shape];
  }

  override initialize(): void {
    fillWith(this.weight, 1);
    fillWith(this.bias, 0);
  }
}
