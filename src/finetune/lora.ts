import type { StagedModel } from "../models/index.ts";
import { addLora, type LoraOptions, type Module } from "../nn/index.ts";
import { linearLayers } from "../nn/lora.ts";
import type { Tensor } from "../tensor/index.ts";
import { requireObject } from "../tensor/require-kind.ts";
import { requireModel } from "./checks.ts";

/**
 * Gives the linear layers of a model's trunk low-rank adapters, as `addLora` does. A head of its own stays as it was,
 * trained or frozen; everything else is frozen, also a head that shares its weight with the embeddings.
 *
 * @returns the names of the layers that have an adapter now.
 * @throws when the trunk has no linear layer that matches.
 */
export function addTrunkLora<Host, Inputs>(model: StagedModel<Host, Inputs>, options: LoraOptions): string[] {
  requireModel("addTrunkLora", model);
  requireObject("addTrunkLora", options, "options such as { rank: 8 }");
  const trunk = new Set(model.stages.flatMap(({ module }) => module.parameters()));
  const trained = headOf(model).filter((tensor) => tensor.requiresGrad && !trunk.has(tensor));
  const { match = ["*"] } = options;
  const names = linearLayersOfTrunk(model).filter((name) => match.some((pattern) => model.matches(name, pattern)));
  if (names.length === 0) throw new Error(`no linear layer of the trunk is called ${match.join(" or ")}`);
  const adapted = addLora(model, { ...options, match: names });
  for (const tensor of trained) tensor.requiresGrad = true;
  return adapted;
}

const headOf = <Host, Inputs>(model: StagedModel<Host, Inputs>): Tensor[] =>
  model.headModules.flatMap(({ parameters }) => parameters);

/** Names of the linear layers that are no part of the head. */
export function linearLayersOfTrunk<Host, Inputs>(model: StagedModel<Host, Inputs>): string[] {
  const head = new Set(headOf(model));
  return linearLayers(model).flatMap(([name, { weight }]) => (head.has(weight) ? [] : [name]));
}

/** Parameters that adapters of rank 1 have beside the linear layers of a part of a trunk; of another rank so many times. */
export const adapterSize = (part: Module): number =>
  linearLayers(part).reduce((sum, [, { inputs, outputs }]) => sum + inputs + outputs, 0);
