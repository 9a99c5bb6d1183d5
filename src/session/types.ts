import type { Evaluation, Plan, TrainingEvent } from "../finetune/index.ts";
import type { AdapterDescription } from "../gpu/index.ts";
import type { Image, ModelDirectory, OutputDirectory } from "../io/index.ts";
import type { FineTuneJob, ModelSource } from "../jobs/index.ts";

/** Bytes of a model's weights that have come in so far. */
export interface BytesEvent {
  type: "bytes";
  /** What is read: `download` from the network into the cache, `weights` into the GPU. */
  what: "download" | "weights";
  file: string;
  loaded: number;
  /** 0 while it is not known. */
  total: number;
}

/** Kernels are compiled while the weights are read. */
export interface CompileEvent {
  type: "compile";
  done: number;
  total: number;
}

/** What the run will take, known before anything is allocated. */
export interface PlanEvent {
  type: "plan";
  plan: Plan;
}

/** The events of the run up to the checkpoint that it goes on from, after a reload. */
export interface HistoryEvent {
  type: "history";
  /** Steps that had been taken. */
  step: number;
  events: readonly TrainingEvent[];
}

/** The run is held between two batches. */
export interface PausedEvent {
  type: "paused";
  step: number;
  /** Whether it is in a checkpoint that outlasts the page, and may be left to be picked up later. */
  isKept: boolean;
}

/** The run goes on. */
export interface ResumedEvent {
  type: "resumed";
  step: number;
}

/** The device was lost; the run takes another and goes back to its last checkpoint. */
export interface DeviceLostEvent {
  type: "device-lost";
  /** Steps that had been taken. */
  step: number;
  message: string;
}

/** There is a new device, and the run goes on from here: events of later steps come once more. */
export interface RecoveredEvent {
  type: "recovered";
  /** Steps that had been taken at the checkpoint. */
  step: number;
  adapter: string;
}

/** What a run tells: the trainer's own events, as in Node, and what comes with a browser. */
export type SessionEvent =
  | TrainingEvent
  | BytesEvent
  | CompileEvent
  | PlanEvent
  | HistoryEvent
  | PausedEvent
  | ResumedEvent
  | DeviceLostEvent
  | RecoveredEvent;

/** A part of a model that can be frozen by itself. */
export interface ModelStage {
  readonly name: string;
  /** Globs, comma-separated, of exactly its parameters, for `freeze`, `unfreeze` and (each by itself) `rates`. */
  readonly pattern: string;
  /** Adapters apart, which the weights take in at the end. */
  readonly parameters: number;
  /** Checkpoint names of its parameters. */
  readonly names: readonly string[];
  /** Parameters that low-rank adapters of rank 1 have in it (`lora`); 0 where it has no place for one. */
  readonly adapterSize: number;
  /** Steps down from the top, by which layer-wise rates fall; parts of one level are thawed together. */
  readonly level: number;
  /** Whether the job trains it, and at which rate before the schedule's factor; null where it is frozen. */
  readonly rate: number | null;
  /** Parameters of it that the job trains, and of its adapters. */
  readonly trained: number;
}

/** What is to be known of a model without its weights. */
export interface ModelInspection {
  readonly name: string;
  /** "GPT-2", "ResNet". */
  readonly family: string;
  readonly architecture: string;
  /** Tasks that it can be trained for. */
  readonly tasks: readonly FineTuneJob["task"][];
  /** From the input up. */
  readonly stages: readonly ModelStage[];
  /** The head that the job trains: the model's own, or a new one for the data's classes. */
  readonly head: ModelStage;
  /** Adapters apart. */
  readonly parameters: number;
  readonly trainableParameters: number;
  /** Class names that it tells apart now; empty for a language model. */
  readonly labels: readonly string[];
  /** Tokens that it takes, or null for images. */
  readonly positions: number | null;
  /** Size of its images, or null for texts. */
  readonly imageShape: readonly [channels: number, height: number, width: number] | null;
  /** config.json as it is. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** What is to be known of a job's data. */
export interface DataDescription {
  readonly name: string;
  readonly train: number;
  readonly valid: number;
  /** In the order of the head; empty for language modelling. */
  readonly classes: readonly { readonly label: string; readonly train: number; readonly valid: number }[];
  /** Texts by their number of tokens, as the model gets them; null for images. */
  readonly lengths: {
    /** Tokens from `from` to below `to`. */
    readonly bins: readonly { readonly from: number; readonly to: number; readonly count: number }[];
    readonly longest: number;
    /** Texts that are cut at `maxLength`. */
    readonly cut: number;
  } | null;
  /** A few of the training examples, of every class; none of images. */
  readonly examples: readonly { readonly text: string; readonly label?: string }[];
  /** Beginnings of validation texts from which the report lets a language model write on; none where there are classes. */
  readonly prompts: readonly string[];
}

/** Classes with their probabilities, the most probable first. */
export interface Prediction {
  readonly label: string;
  readonly probability: number;
  readonly classes: readonly { readonly label: string; readonly probability: number }[];
}

/** The model as the run found it, with a new head that knows nothing yet, or as it is now. */
export type Which = "before" | "after";

/** Texts or images, and which model is asked about them. */
export interface PredictRequest {
  readonly texts?: readonly string[];
  /** Encoded images, or pixels. */
  readonly images?: readonly (Blob | Image)[];
  readonly which: Which;
  /** The job whose model is meant by "before" where no run was started yet. */
  readonly job?: FineTuneJob;
}

/** A prompt, which model writes on from it, and how. */
export interface GenerateRequest {
  readonly prompt: string;
  readonly which: Which;
  readonly job?: FineTuneJob;
  readonly maxNewTokens?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly greedy?: boolean;
}

/** Which model is measured. */
export interface EvaluateRequest {
  readonly which: Which;
  readonly job?: FineTuneJob;
}

/** A model in Hub layout, and what goes with it. */
export interface SavedModel {
  /** By file name: weights, config.json, the tokenizer's or the preprocessing's files, report.html. */
  readonly files: Readonly<Record<string, Blob>>;
  /** The `graft finetune` line that repeats the run in Node. */
  readonly command: string;
}

/** A run that was kept, and can be picked up. */
export interface StoredRun {
  readonly job: FineTuneJob;
  /** Steps in its checkpoint; 0 when there is none yet. */
  readonly step: number;
  readonly totalSteps: number | null;
  /** How it ended; null when it did not: a reload, a closed tab, a pause. */
  readonly ended: "finished" | "cancelled" | "max-steps" | null;
  /** The newest evaluation. */
  readonly evaluation: Evaluation | null;
  /** When the run was last kept, in ISO 8601. */
  readonly date: string;
  /** Whether another tab is training it at this moment. */
  readonly isElsewhere: boolean;
}

/** What a session is doing. */
export type SessionState = "idle" | "running" | "paused";

/** A folder that a run is kept in. */
export interface RunFolder extends ModelDirectory, OutputDirectory {
  remove(file: string): Promise<void>;
}

/** Where a session works, and what it keeps. */
export interface SessionOptions {
  /**
   * Where the work is done: the address of `session-worker.js` (by default beside this module), a worker of it that was made
   * already, or `"here"`, in this thread (Node, tests).
   */
  readonly worker?: URL | string | Worker | "here";
  /** Passed on to `Gpu.open`. */
  readonly gpu?: {
    readonly software?: boolean;
    readonly limits?: "adapter" | "default";
    readonly memoryBudget?: number;
  };
  /**
   * Folder of the origin's private file system where the run is kept, so that it can be picked up after a reload; default
   * `session`, which other pages of the site share: one of them trains at a time. False keeps it in memory alone. With
   * `worker: "here"` a folder may be given as an object.
   */
  readonly storage?: string | false | RunFolder;
  /** What errors call the settings of a job, where a page has other names for them: `{ maxLength: "“Longest text”" }`. */
  readonly settingNames?: Readonly<Record<string, string>>;
  /** Keep what is downloaded in the origin's private file system, so that it comes once; true by default where there is one. */
  readonly cache?: boolean;
}

/** A run as it goes. Leaving the loop early cancels it. */
export interface SessionRun extends AsyncIterable<SessionEvent> {
  /** Resolves when the run has ended, however the events are read. @throws what made it fail. */
  readonly done: Promise<void>;
}

/**
 * Fine-tuning behind messages: a page starts a job and follows its events; model, data and GPU live in a worker. One job
 * runs at a time. Questions that are asked meanwhile are answered between two batches.
 */
export interface TrainingSession {
  readonly adapter: AdapterDescription;
  readonly state: SessionState;
  /** Reads a model's configuration, and how a job would train it. Nothing of the weights is read. */
  inspect(model: ModelSource, job?: Partial<FineTuneJob>): Promise<ModelInspection>;
  describeData(job: FineTuneJob): Promise<DataDescription>;
  /** What the run would take. Nothing is allocated, and nothing of the weights is read. */
  plan(job: FineTuneJob): Promise<Plan>;
  /** @throws when a job is running. */
  start(job: FineTuneJob): SessionRun;
  /** Holds the run before its next batch, and keeps it. Resolves when it is held. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends the run after the current step; its checkpoint stays. Resolves when it has ended. */
  cancel(): Promise<void>;
  predict(request: PredictRequest): Promise<Prediction[]>;
  /** The text that follows the prompt, a piece at a time. Leaving the loop ends it. */
  generate(request: GenerateRequest): AsyncIterable<string>;
  /** Loss and metrics over the job's validation set. */
  evaluate(request: EvaluateRequest): Promise<Evaluation>;
  /** The model as it is now, its report and the command that repeats the run. */
  save(): Promise<SavedModel>;
  /** The run that was kept, or null. */
  stored(): Promise<StoredRun | null>;
  /** Resolves when no other tab trains in the storage, where what is kept may be another run, or further on. */
  untilFree(): Promise<void>;
  /** Goes on with the run that was kept, with the same bits as if it had never stopped. Its first event is its history. */
  pickUp(): SessionRun;
  /** Deletes the run that was kept. */
  forget(): Promise<void>;
  /** Ends everything and frees it. A kept run stays. */
  close(): Promise<void>;
}
