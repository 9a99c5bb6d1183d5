import { copy } from "../kernels/copy.ts";
import { matmulInto } from "../kernels/matmul/matmul.ts";
import { type Tensor, tidy, transposeView } from "../tensor/index.ts";
import { requireObject } from "../tensor/require-kind.ts";
import { fillWith } from "./layers/initialize.ts";
import { Linear } from "./layers/linear.ts";
import type { Module } from "./module.ts";
import { matchesPattern } from "./patterns.ts";

/** Size and places of low-rank adapters. */
export interface LoraOptions {
  /** Rows of A and columns of B. */
  rank: number;
  /** What the product of the two is worth: its factor is alpha / rank. Default: twice the rank. */
  alpha?: number;
  /** Globs over names of linear layers, such as `h.*.attn.c_attn`; all of them by default. */
  match?: readonly string[];
  /** Seed of A. Default 0. */
  seed?: number;
}

/**
 * Low-rank adapters (Hu et al. 2021, arXiv:2106.09685): linear layers get y = x W + b + (alpha / rank) · (x Aᵀ) Bᵀ, with A
 * [rank, inputs] random and B [outputs, rank] zeros, so that the model does the same at first. Everything but the adapters
 * is frozen; `unfreeze` thaws what is to be trained besides. The names are PEFT's: `….c_attn.lora_A.weight`.
 *
 * @returns the names of the layers that have an adapter now.
 * @throws when no linear layer matches, or one has an adapter already.
 */
export function addLora(model: Module, options: LoraOptions): string[] {
  requireObject("addLora", model, "a module", ["namedModules", "freeze"]);
  requireObject("addLora", options, "options such as { rank: 8 }");
  const { rank, alpha = 2 * rank, match = ["*"], seed = 0 } = options;
  if (!(Number.isSafeInteger(rank) && rank > 0))
    throw new Error(`addLora: rank must be a positive integer, got ${rank}`);
  if (!(Number.isFinite(alpha) && alpha > 0)) throw new Error(`addLora: alpha must be a positive number, got ${alpha}`);
  const layers = linearLayers(model).filter(([name]) => match.some((pattern) => model.matches(name, pattern)));
  if (layers.length === 0) throw new Error(`addLora: no linear layer is called ${match.join(" or ")}`);
  for (const [name, layer] of layers) if (layer.lora_A) throw new Error(`addLora: ${name} has an adapter already`);
  model.freeze();
  layers.forEach(([, layer], i) => {
    const { inputs, outputs, weight } = layer;
    const [a, b] = [
      new Linear(weight.gpu, inputs, rank, { bias: false }),
      new Linear(weight.gpu, rank, outputs, { bias: false }),
    ];
    a.initialize(seed + i);
    fillWith(b.weight, 0);
    layer.adapt(a, b, alpha / rank);
  });
  return layers.map(([name]) => name);
}

/**
 * Adds what adapters have learnt to the weights they stand beside, and takes them away: the model computes the same to
 * rounding, and is saved and loaded as before. The weights stay frozen.
 */
export function mergeLora(model: Module): void {
  for (const [, { weight, lora_A, lora_B, layout, loraScale }] of adapted(model)) {
    tidy(() => {
      // A kernel cannot read what lies in the buffer it writes: an optimizer may have packed the adapter with its layer.
      const apart = (x: Tensor): Tensor => (x.storage.buffer === weight.storage.buffer ? copy(x) : x);
      const [a, b] = [apart(lora_A!.weight), apart(lora_B!.weight)];
      const [left, right] = layout === "in-out" ? [transposeView(a), transposeView(b)] : [b, a];
      matmulInto("mergeLora", left, right, weight, { scale: loraScale, accumulate: true });
    });
  }
  removeLora(model);
}

/** Takes adapters away without a trace. */
export function removeLora(model: Module): void {
  for (const [, layer] of adapted(model)) {
    layer.lora_A!.dispose();
    layer.lora_B!.dispose();
    layer.adapt(undefined, undefined, 0);
  }
}

/** Whether any layer has an adapter. */
export const hasLora = (model: Module): boolean => adapted(model).length > 0;

const adapted = (model: Module): [string, Linear][] => linearLayers(model).filter(([, layer]) => layer.lora_A);

/** Every linear layer that is no part of an adapter, with its name. */
export function linearLayers(model: Module): [string, Linear][] {
  return [...model.namedModules()].filter(
    (entry): entry is [string, Linear] => entry[1] instanceof Linear && !matchesPattern(entry[0], "*.lora_?"),
  );
}
