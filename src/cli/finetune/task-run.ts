import type { Examples, Task, TrainingData } from "../../finetune/index.ts";
import type { RunReport, Settings } from "../../finetune/report.ts";
import type { Gpu } from "../../gpu/index.ts";
import type { OutputDirectory } from "../../io/index.ts";
import type { StagedModel } from "../../models/index.ts";

/** Classes with their examples, for the summary and the report. */
export type ClassCounts = NonNullable<RunReport["data"]["classes"]>;

export interface RunData<Host> extends TrainingData<Examples<Host>> {
  readonly classes?: ClassCounts;
}

/** What a task brings to a training run: its data, its model, and what is saved beside the weights. */
export interface TaskRun<Host, Inputs> {
  readonly task: Task;
  readonly data: RunData<Host>;
  /** Hyper-parameters that other tasks do not have. */
  readonly settings: Settings;
  /** Whether the model gets a head of its own for the data's classes. */
  readonly isNewHead: boolean;
  /** Lines to be told ahead of the run. */
  readonly notes: readonly string[];
  /** Share of the data that was kept for validation; null when it came from elsewhere. */
  readonly validFraction: number | null;
  load(gpu: Gpu): Promise<StagedModel<Host, Inputs>>;
  /** Saves the model so that it opens again. Gives what was saved, in words. */
  save(output: OutputDirectory, model: StagedModel<Host, Inputs>): Promise<string>;
}

/** How many examples of each class there are. */
export function countClasses(
  labels: readonly string[],
  train: readonly { label: string }[],
  valid: readonly { label: string }[],
): ClassCounts {
  const count = (examples: readonly { label: string }[]): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const { label } of examples) counts.set(label, (counts.get(label) ?? 0) + 1);
    return counts;
  };
  const [inTrain, inValid] = [count(train), count(valid)];
  return labels.map((label) => ({ label, train: inTrain.get(label) ?? 0, valid: inValid.get(label) ?? 0 }));
}
