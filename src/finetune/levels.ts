import type { StagedModel } from "../models/index.ts";
import { levelOf } from "../models/staged-model.ts";
import type { Tensor } from "../tensor/index.ts";

/** What of a trunk is thawed together: a block, with the norm that belongs to it; the embeddings or the stem. */
export interface TrunkLevel {
  /** Names of its stages, from the input up. */
  readonly parts: readonly string[];
  /** Checkpoint names of its parameters. */
  readonly parameters: readonly string[];
}

/** The levels of a trunk from the top down, and the head, as far as they hold parameters of a kind; all by default. */
export function levelsOf<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  counts: (tensor: Tensor) => boolean = () => true,
): { levels: TrunkLevel[]; head: string[] } {
  const { stages } = model;
  const named = [...model.namedParameters()].filter(([, tensor]) => counts(tensor));
  const found = new Map<number, TrunkLevel>();
  const inTrunk = new Set<Tensor>();
  for (const [i, { name, module }] of stages.entries()) {
    const own = new Set(module.parameters());
    for (const tensor of own) inTrunk.add(tensor);
    const names = named.filter(([, tensor]) => own.has(tensor)).map(([parameter]) => parameter);
    if (names.length === 0) continue;
    const level = levelOf(stages, i);
    const { parts = [], parameters = [] } = found.get(level) ?? {};
    found.set(level, { parts: [...parts, name], parameters: [...parameters, ...names] });
  }
  return {
    levels: [...found].sort(([a], [b]) => a - b).map(([, level]) => level),
    // A weight that the head shares with the embeddings belongs to the trunk.
    head: named.filter(([, tensor]) => !inTrunk.has(tensor)).map(([parameter]) => parameter),
  };
}
