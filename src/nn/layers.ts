import { dropout, embedding, layerNorm, linear, type WeightLayout } from "../autograd/index.ts";
import type { Gpu } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Module, parameter } from "./module.ts";

/** y = x · W + b. */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias?: Tensor;
  readonly #layout: WeightLayout;

  /** @param layout `in-out` for GPT-2's Conv1D, `out-in` for torch.nn.Linear: the weight keeps its checkpoint's layout. */
  constructor(gpu: Gpu, inputs: number, outputs: number, options: { bias?: boolean; layout?: WeightLayout } = {}) {
    super();
    const { bias = true, layout = "out-in" } = options;
    this.#layout = layout;
    this.weight = parameter(gpu, layout === "in-out" ? [inputs, outputs] : [outputs, inputs]);
    if (bias) this.bias = parameter(gpu, [outputs]);
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias, this.#layout);
  }
}

/** Layer normalisation over the last axis, with weight and bias. */
export class LayerNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly #epsilon: number;

  constructor(gpu: Gpu, width: number, epsilon = 1e-5) {
    super();
    this.weight = parameter(gpu, [width]);
    this.bias = parameter(gpu, [width]);
    this.#epsilon = epsilon;
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, this.#epsilon);
  }
}

/** Rows of a table by integer id. */
export class Embedding extends Module {
  readonly weight: Tensor;

  constructor(gpu: Gpu, rows: number, width: number) {
    super();
    this.weight = parameter(gpu, [rows, width]);
  }

  forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids);
  }
}

/**
 * What a forward pass in training needs besides its inputs: a seed for each dropout. Without it a model runs in
 * evaluation mode.
 */
export class TrainingPass {
  #next = 0;

  /** @param seed of this step; a run that is repeated or resumed gives the same seeds again. */
  constructor(private readonly seed: number) {}

  /** A fresh seed for the next dropout. */
  nextSeed(): number {
    return (this.seed >>> 0) * 2 ** 20 + this.#next++;
  }
}

/** Drops elements with probability p in training; the identity in evaluation. */
export const applyDropout = (x: Tensor, p: number, pass?: TrainingPass): Tensor =>
  pass && p > 0 ? dropout(x, p, pass.nextSeed()) : x;
