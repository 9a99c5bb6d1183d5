import { gelu, relu, reshape, sigmoid, silu, tanh } from "../../autograd/index.ts";
import { type Shape, sizeOf, type Tensor } from "../../tensor/index.ts";
import { Layer } from "./layer.ts";

const ACTIVATIONS = {
  relu,
  gelu: (x: Tensor) => gelu(x),
  silu,
  tanh,
  sigmoid,
} as const;

/** Names of activations, as configurations of checkpoints have them. */
export type ActivationName = keyof typeof ACTIVATIONS;

/** Whether a value, such as one of a configuration, names an activation. */
export const isActivationName = (name: unknown): name is ActivationName =>
  typeof name === "string" && Object.hasOwn(ACTIVATIONS, name);

/** An elementwise function as a layer. */
export class Activation extends Layer {
  readonly kind = "Activation";

  constructor(readonly name: ActivationName = "relu") {
    super();
    if (!isActivationName(name)) {
      throw new Error(`Activation: "${name}" is none of ${Object.keys(ACTIVATIONS).join(", ")}`);
    }
  }

  override forward(x: Tensor): Tensor {
    return ACTIVATIONS[this.name](x);
  }

  override outputShape(shape: Shape): number[] {
    return [...shape];
  }
}

/** All axes of an example as one: [C, H, W] to [C · H · W]. */
export class Flatten extends Layer {
  readonly kind = "Flatten";

  override forward(x: Tensor): Tensor {
    return reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))]);
  }

  override outputShape(shape: Shape): number[] {
    return [sizeOf(shape)];
  }
}
