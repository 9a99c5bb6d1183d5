import { normal } from "../autograd/index.ts";
import { copyInto, full } from "../kernels/copy.ts";
import { fillWith, type Layer, type Module } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { GPT2Config } from "./gpt2-config.ts";

/** Values of a new matrix: zeros, or normal numbers of a deviation from a seed. */
export type Initialization = "zeros" | { seed: number };

export function initializeMatrix(weight: Tensor, how: Initialization, deviation: number): void {
  const { gpu, shape } = weight;
  const values = how === "zeros" ? full(gpu, shape, 0) : normal(shape, { gpu, deviation, seed: how.seed });
  copyInto(weight, values);
  values.dispose();
}

/** Gives a new layer zeros, or the values that its kind starts with. */
export function initializeLayer(layer: Layer, how: Initialization): void {
  if (how === "zeros") for (const tensor of layer.parameters()) fillWith(tensor, 0);
  else layer.initialize(how.seed);
}

/**
 * Random weights as transformers initialises a GPT-2: matrices normal with the config's deviation, the projections back
 * into the residual smaller by √(2 · layers), norms 1, biases 0.
 */
export function initializeGPT2(model: Module, config: GPT2Config, seed: number): void {
  let index = 0;
  for (const [name, weight] of model.namedParameters()) {
    if (weight.rank === 2) {
      const residual = name.endsWith("c_proj.weight") ? 1 / Math.sqrt(2 * config.layers) : 1;
      initializeMatrix(weight, { seed: seed + index++ }, config.initializerRange * residual);
    } else {
      fillWith(weight, /ln_(1|2|f)\.weight$/.test(name) ? 1 : 0);
    }
  }
}
