import type { GPT2Base } from "../models/index.ts";
import type { Module, ParameterGroup } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";

/** Which parameters a group takes, and how they are trained. */
export interface GroupRule {
  name: string;
  /** Globs over checkpoint names; the first rule that matches a parameter takes it. */
  match: readonly string[];
  learningRate: number;
  weightDecay?: number;
}

/**
 * Sorts the trainable parameters into groups by the first rule that matches.
 *
 * @throws when a trainable parameter matches no rule; frozen ones need none.
 */
export function parameterGroups(model: Module, rules: readonly GroupRule[]): ParameterGroup[] {
  const buckets = rules.map(() => new Map<string, Tensor>());
  for (const [name, tensor] of model.namedParameters()) {
    if (!tensor.requiresGrad) continue;
    const index = rules.findIndex((rule) => rule.match.some((pattern) => model.matches(name, pattern)));
    if (index < 0) throw new Error(`parameter groups: trainable parameter ${name} is in no group`);
    buckets[index].set(name, tensor);
  }
  return rules
    .map(({ name, learningRate, weightDecay = 0 }, i) => ({ name, learningRate, weightDecay, parameters: buckets[i] }))
    .filter((group) => group.parameters.size > 0);
}

export interface LayerwiseOptions {
  /** Learning rate of the last block and the final norm. */
  learningRate: number;
  /** Learning rate of the head; by default the same. */
  headLearningRate?: number;
  /** Factor from each block to the one below; the embeddings come below the first block. 1 gives one rate to all. */
  decay?: number;
  /** Of matrices; biases and norms are not decayed. */
  weightDecay?: number;
}

/**
 * Layer-wise learning rates (Howard & Ruder 2018, arXiv:1801.06146): the lower a block, the smaller its steps, so that
 * what it knew survives. Each level is split into decayed matrices and undecayed vectors.
 */
export function layerwiseGroups(model: GPT2Base, options: LayerwiseOptions): ParameterGroup[] {
  const { learningRate, headLearningRate = learningRate, decay = 1, weightDecay = 0 } = options;
  const layers = model.config.layers;
  const levels: { name: string; match: string[]; rate: number }[] = [
    { name: "head", match: ["score", "lm_head"], rate: headLearningRate },
    { name: "ln_f", match: ["ln_f"], rate: learningRate },
    ...Array.from({ length: layers }, (_, i) => layers - 1 - i).map((layer) => ({
      name: `h.${layer}`,
      match: [`h.${layer}`],
      rate: learningRate * decay ** (layers - 1 - layer),
    })),
    { name: "embeddings", match: ["wte", "wpe"], rate: learningRate * decay ** layers },
  ];
  const groups = parameterGroups(
    model,
    levels.map(({ name, match, rate }) => ({ name, match, learningRate: rate })),
  );
  return groups.flatMap((group) => {
    const isMatrix = ([, tensor]: [string, Tensor]): boolean => tensor.rank > 1;
    const matrices = new Map([...group.parameters].filter(isMatrix));
    const vectors = new Map([...group.parameters].filter((entry) => !isMatrix(entry)));
    if (weightDecay === 0 || matrices.size === 0 || vectors.size === 0) {
      return [{ ...group, weightDecay: matrices.size > 0 ? weightDecay : 0 }];
    }
    return [
      { ...group, weightDecay, parameters: matrices },
      { ...group, name: `${group.name} (no decay)`, parameters: vectors },
    ];
  });
}
