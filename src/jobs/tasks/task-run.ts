import type { Examples, Task, TrainingData } from "../../finetune/index.ts";
import type { RunReport, Settings } from "../../finetune/report.ts";
import type { Gpu } from "../../gpu/index.ts";
import type {
  Image,
  ImageData,
  ImageDataOptions,
  ModelDirectory,
  OutputDirectory,
  TextExample,
  Tokenizer,
} from "../../io/index.ts";
import type { StagedModel } from "../../models/index.ts";
import type { DataSource, FineTuneJob, ModelSource } from "../job.ts";
import type { ModelFolder } from "../model-folder.ts";
import type { FullSettings } from "../settings.ts";

/** How sources are read where the job runs: from a disk, or in a browser. */
export interface JobReader {
  model(source: ModelSource): Promise<ModelDirectory>;
  /** The contents of a text file. */
  text(source: DataSource): Promise<string>;
  images(source: DataSource, options: ImageDataOptions): Promise<ImageData>;
}

/** Classes with their examples, for the summary and the report. */
export type ClassCounts = NonNullable<RunReport["data"]["classes"]>;

export interface RunData<Host> extends TrainingData<Examples<Host>> {
  readonly classes?: ClassCounts;
}

/** An example as people know it: its text, or its picture and what that is called. */
export interface ShownExample {
  readonly text: string;
  readonly label: string;
  readonly image?: Image;
}

/** What a job comes to: its data, its model, and what is saved beside the weights. */
export interface TaskRun<Host = unknown, Inputs = unknown> {
  readonly task: Task;
  readonly job: FineTuneJob;
  readonly settings: FullSettings;
  readonly folder: ModelFolder;
  readonly data: RunData<Host>;
  /** Hyper-parameters that other tasks do not have, as they are shown. */
  readonly shown: Settings;
  /** Whether the model gets a head of its own for the data's classes. */
  readonly isNewHead: boolean;
  /** Share of the data that was kept for validation; null when it came from elsewhere. */
  readonly validFraction: number | null;
  /** The training texts as they came, in the order of the data; null for images and for language modelling. */
  readonly texts: readonly TextExample[] | null;
  /** The validation examples as people know them, in the order of the data; null for language modelling. */
  readonly validation: readonly ShownExample[] | null;
  /** Beginnings of validation texts that a language model is asked to go on with; none where there are classes. */
  readonly prompts: readonly string[];
  readonly tokenizer: Tokenizer | null;
  /** Inputs of the model without labels, for prediction. @throws where the task has no classes, or they are no such inputs. */
  unlabelled(inputs: readonly (string | Image)[]): Examples<Host>;
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
