import { requireObject } from "../tensor/require-kind.ts";
import type { ExampleSet } from "./examples.ts";
import { IGNORE_INDEX } from "./text-examples.ts";
import type { FinetuneOptions } from "./trainer.ts";
import { type Examples, exampleSet, type TrainingData } from "./training-data.ts";

/** @throws RangeError naming the first option that a run cannot have. */
export function requireOptions(options: FinetuneOptions): void {
  requireObject("finetune", options, "options such as { optimizer, epochs: 3, batch: 16 }");
  const { epochs, batch, accumulate = 1, evaluateEvery, evaluationBatch, maxSteps, checkpoint, clip, seed } = options;
  const counts = { accumulate, evaluateEvery, evaluationBatch, "checkpoint.every": checkpoint?.every };
  for (const [name, value] of [...Object.entries({ epochs, batch }), ...given(counts)]) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`finetune: ${name} must be a positive integer, got ${value}`);
  }
  for (const [name, value] of given({ maxSteps })) {
    if (!Number.isInteger(value) || value < 0)
      throw new RangeError(`finetune: ${name} must be a whole number of 0 or more, got ${value}`);
  }
  if (clip !== undefined && !(clip >= 0)) throw new RangeError(`finetune: clip must be 0 or more, got ${clip}`);
  if (seed !== undefined && !Number.isInteger(seed))
    throw new RangeError(`finetune: seed must be an integer, got ${seed}`);
  if (typeof options.optimizer?.step !== "function") throw new TypeError("finetune: optimizer must be an optimizer");
}

const given = (values: Record<string, number | undefined>): [string, number][] =>
  Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined);

/**
 * The examples of a run, for validation where there are any.
 *
 * @throws when there are none to train on, or one has a class that is none of the labels.
 */
export function examplesOf<Host>(
  data: TrainingData<Examples<Host>>,
  padId?: number,
): { train: ExampleSet<Host>; valid: ExampleSet<Host> | null } {
  requireData("finetune", data);
  const { train, valid, labels } = data;
  const sets = {
    train: exampleSet(train, padId),
    valid: valid && valid.length > 0 ? exampleSet(valid, padId) : null,
  };
  if (sets.train.length === 0) throw new Error("finetune: there are no training examples");
  if (labels) {
    requireClasses(sets.train, "training", labels);
    if (sets.valid) requireClasses(sets.valid, "validation", labels);
  }
  return sets;
}

/** @throws TypeError where what `who` is given is no model that can be trained. */
export function requireModel(who: string, model: unknown): void {
  const expected = "a model, as GPT2.fromPretrained or ResNet.fromPretrained gives";
  requireObject(who, model, expected, ["namedParameters", "matches"]);
}

/** @throws TypeError where what `who` is given is no data to train on. */
export function requireData(who: string, data: unknown): void {
  requireObject(who, data, "data { train, valid, labels }");
  requireObject(who, (data as TrainingData).train, "examples as data.train");
}

function requireClasses(examples: ExampleSet<unknown>, part: string, labels: readonly string[]): void {
  for (let i = 0; i < examples.length; i++) {
    const label = examples.labelOf(i);
    if ((Number.isInteger(label) && label >= 0 && label < labels.length) || label === IGNORE_INDEX) continue;
    throw new RangeError(`finetune: ${part} example ${i} has the class ${label}, expected 0 to ${labels.length - 1}`);
  }
}
