import { activate, add, type LinearOptions, linear, mul, type WeightLayout } from "../../autograd/index.ts";
import type { Gpu } from "../../gpu/index.ts";
import { type Shape, type Tensor, tidy } from "../../tensor/index.ts";
import { parameter } from "../module.ts";
import { initializeUniform } from "./initialize.ts";
import { Layer, requireSizes } from "./layer.ts";

/** y = x · W + b. */
export class Linear extends Layer {
  readonly kind = "Linear";
  readonly weight: Tensor;
  readonly bias?: Tensor;
  readonly layout: WeightLayout;
  readonly inputs: number;
  readonly outputs: number;
  /** A low-rank adapter: see `addLora`. */
  lora_A?: Linear;
  lora_B?: Linear;
  #loraScale = 0;

  /** @param layout `in-out` for GPT-2's Conv1D, `out-in` for torch.nn.Linear: the weight keeps its checkpoint's layout. */
  constructor(gpu: Gpu, inputs: number, outputs: number, options: { bias?: boolean; layout?: WeightLayout } = {}) {
    super();
    const { bias = true, layout = "out-in" } = options;
    requireSizes("Linear", { inputs, outputs });
    this.layout = layout;
    this.inputs = inputs;
    this.outputs = outputs;
    this.weight = parameter(gpu, layout === "in-out" ? [inputs, outputs] : [outputs, inputs]);
    if (bias) this.bias = parameter(gpu, [outputs]);
  }

  override forward(x: Tensor): Tensor {
    return this.forwardWith(x, {});
  }

  /** What `linear` gives with an activation or a residual. */
  forwardWith(x: Tensor, options: Pick<LinearOptions, "activation" | "residual">): Tensor {
    const { layout, lora_A, lora_B } = this;
    if (!lora_A || !lora_B) return linear(x, this.weight, this.bias, { layout, ...options });
    // The factor is applied where there are fewest numbers, and only the sum outlives the layer.
    return tidy(() => {
      const learnt = mul(lora_A.forward(x), this.#loraScale);
      const y = lora_B.forwardWith(learnt, { residual: linear(x, this.weight, this.bias, layout) });
      const z = options.activation ? activate(y, options.activation) : y;
      return options.residual ? add(options.residual, z) : z;
    });
  }

  /** Factor of what the adapter gives. */
  get loraScale(): number {
    return this.#loraScale;
  }

  /** Puts an adapter beside the weight, or takes it away. */
  adapt(a: Linear | undefined, b: Linear | undefined, scale: number): void {
    this.#loraScale = scale;
    if (a && b) Object.assign(this, { lora_A: a, lora_B: b });
    else {
      delete this.lora_A;
      delete this.lora_B;
    }
  }

  override outputShape(shape: Shape): number[] {
    if (shape.at(-1) !== this.inputs) this.refuse(shape, `a last axis of ${this.inputs}`);
    return [...shape.slice(0, -1), this.outputs];
  }

  override initialize(seed: number): void {
    initializeUniform(this.inputs, this.weight, this.bias, seed);
  }
}
