import type { StagedModel } from "../../models/index.ts";
import { SettingError } from "../errors.ts";

/** A part of a run with gradual unfreezing. */
export interface GradualStage {
  readonly name: string;
  readonly description: string;
  /** Checkpoint names of what is trained. */
  readonly trains: readonly string[];
}

/**
 * Gradual unfreezing (Howard & Ruder 2018, arXiv:1801.06146) of what a model trains now: first the head alone, then with
 * it one level more of the trunk at a time from the top, until `levels` of them are thawed. A head that shares its weight
 * with the embeddings is not trained by itself. What is frozen stays frozen, and makes no stage.
 *
 * @throws SettingError when the trunk has fewer levels.
 */
export function gradualStages<Host, Inputs>(model: StagedModel<Host, Inputs>, levels: number): GradualStage[] {
  const trained = [...model.namedParameters()].filter(([, tensor]) => tensor.requiresGrad);
  const inTrunk = new Set(model.stages.flatMap(({ module }) => module.parameters()));
  const byLevel = new Map<number, { parts: string[]; names: string[] }>();
  for (const [i, { name, module, level = model.stages.length - 1 - i }] of model.stages.entries()) {
    const own = new Set(module.parameters());
    const names = trained.filter(([, tensor]) => own.has(tensor)).map(([parameter]) => parameter);
    const entry = byLevel.get(level) ?? { parts: [], names: [] };
    if (names.length > 0) byLevel.set(level, { parts: [...entry.parts, name], names: [...entry.names, ...names] });
  }
  if (levels > byLevel.size) {
    const most = byLevel.size;
    throw new SettingError((n) => `${n("gradual")} ${levels}: the model has ${most} levels that can be thawed`);
  }
  const head = trained.filter(([, tensor]) => !inTrunk.has(tensor)).map(([name]) => name);
  const stages: GradualStage[] = [];
  if (head.length > 0) {
    stages.push({ name: "head", description: "Trains the head alone, on a frozen trunk.", trains: head });
  }
  let trains = head;
  const fromTop = [...byLevel].sort(([a], [b]) => a - b).slice(0, levels);
  for (const [, { parts, names }] of fromTop) {
    trains = [...trains, ...names];
    const list = parts.join(", ");
    stages.push({ name: list, description: `Goes on with ${list} besides, at the rates of their levels.`, trains });
  }
  return stages;
}
