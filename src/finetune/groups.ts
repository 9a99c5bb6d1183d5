import type { StagedModel } from "../models/index.ts";
import { levelOf } from "../models/staged-model.ts";
import type { Module, ParameterGroup } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { wholePower } from "../tensor/portable-math.ts";
import { requireList, requireObject } from "../tensor/require-kind.ts";
import { requireModel } from "./checks.ts";

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
  requireModel("parameterGroups", model);
  requireList("parameterGroups", rules, "rules { name, match, learningRate } in an array");
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

/** Learning rates by depth, and weight decay. */
export interface LayerwiseOptions {
  /** Learning rate of the top of the trunk: the last block and what comes after it. */
  learningRate: number;
  /** Learning rate of the head; by default the same. */
  headLearningRate?: number;
  /** Factor from each level to the one below: block to block, then the embeddings or the stem. 1 gives one rate to all. */
  decay?: number;
  /** Of matrices; biases and norms are not decayed. */
  weightDecay?: number;
  /** Rates of their own, by glob over checkpoint names, whatever the level: the first that matches a parameter counts. */
  rates?: Readonly<Record<string, number>>;
}

/**
 * Layer-wise learning rates (Howard & Ruder 2018, arXiv:1801.06146): the lower a stage, the smaller its steps, so that
 * what it knew survives. A tensor that the head shares with a stage belongs to the stage. Each group is split into
 * decayed matrices and undecayed vectors.
 *
 * @throws when a glob of `rates` matches no parameter.
 */
export function layerwiseGroups<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  options: LayerwiseOptions,
): ParameterGroup[] {
  requireModel("layerwiseGroups", model);
  requireObject("layerwiseGroups", options, "options such as { learningRate: 1e-4 }");
  const { learningRate, headLearningRate = learningRate, decay = 1, weightDecay = 0 } = options;
  const stageOf = new Map<Tensor, string>();
  for (const { name, module } of model.stages) for (const tensor of module.parameters()) stageOf.set(tensor, name);
  const { stages } = model;
  const levels = [
    { name: "head", stage: undefined, rate: headLearningRate },
    ...stages
      .map(({ name }, i) => ({
        name,
        stage: name,
        rate: learningRate * wholePower(decay, levelOf(stages, i)),
      }))
      .reverse(),
  ];
  const named = [...model.namedParameters()];
  const rates = Object.entries(options.rates ?? {});
  const lost = rates.find(([pattern]) => !named.some(([name]) => model.matches(name, pattern)));
  if (lost) throw new Error(`pattern "${lost[0]}" matches no parameter`);
  return levels.flatMap(({ name, stage, rate }) => {
    const own = named.filter(([, tensor]) => tensor.requiresGrad && stageOf.get(tensor) === stage);
    const ruleOf = ([parameter]: Named) => rates.find(([pattern]) => model.matches(parameter, pattern));
    const rules = [...new Set(own.map(ruleOf))];
    return rules.flatMap((rule) => {
      const isWhole = rule === undefined || rules.length === 1;
      const part = { name: isWhole ? name : `${name} (${rule[0]})`, learningRate: rule?.[1] ?? rate };
      return splitByDecay(
        own.filter((entry) => ruleOf(entry) === rule),
        part,
        weightDecay,
      );
    });
  });
}

type Named = readonly [name: string, tensor: Tensor];

/** Decayed matrices and undecayed vectors, in a group each where there are both. */
function splitByDecay(
  own: readonly Named[],
  group: Pick<ParameterGroup, "name" | "learningRate">,
  weightDecay: number,
): ParameterGroup[] {
  const matrices = own.filter(([, tensor]) => tensor.rank > 1);
  const vectors = own.filter(([, tensor]) => tensor.rank <= 1);
  if (weightDecay === 0 || matrices.length === 0 || vectors.length === 0) {
    return [{ ...group, weightDecay: matrices.length > 0 ? weightDecay : 0, parameters: new Map(own) }];
  }
  return [
    { ...group, weightDecay, parameters: new Map(matrices) },
    { ...group, name: `${group.name} (no decay)`, weightDecay: 0, parameters: new Map(vectors) },
  ];
}
