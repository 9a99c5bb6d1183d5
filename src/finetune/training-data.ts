import type { TokenInputs } from "../models/index.ts";
import { requireObject } from "../tensor/require-kind.ts";
import type { ExampleSet } from "./examples.ts";
import { TextExamples, type TrainingExample } from "./text-examples.ts";

/** Examples of any kind; texts may be a plain list. */
export type Examples<Host> = ExampleSet<Host> | (Host extends TokenInputs ? readonly TrainingExample[] : never);

/** Examples to train on and to validate with. */
export interface TrainingData<Set = readonly TrainingExample[]> {
  train: Set;
  valid?: Set;
  /** Class names for classification; absent for language modelling. */
  labels?: readonly string[];
}

/** Makes a list of texts a set of examples. */
export function exampleSet<Host>(examples: Examples<Host>, padId = 0): ExampleSet<Host> {
  if (!Array.isArray(examples)) {
    const expected = "a list of texts { inputIds, labels }, or a set such as new ImageExamples(…)";
    requireObject("examples", examples, expected, ["collate"]);
    return examples as ExampleSet<Host>;
  }
  return new TextExamples(examples, padId) as ExampleSet<unknown> as ExampleSet<Host>;
}
