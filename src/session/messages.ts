import type { Evaluation, Plan } from "../finetune/index.ts";
import type { AdapterDescription, WebGpuProblem } from "../gpu/index.ts";
import type { FineTuneJob, ModelSource } from "../jobs/index.ts";
import type {
  DataDescription,
  EvaluateRequest,
  GenerateRequest,
  ModelInspection,
  Prediction,
  PredictRequest,
  SavedModel,
  SessionEvent,
  SessionOptions,
  StoredRun,
} from "./types.ts";

/** What the page asks of the worker, each answered once. */
export interface Calls {
  open(options: Pick<SessionOptions, "gpu" | "cache" | "settingNames"> & { storage: string | false }): {
    adapter: AdapterDescription;
    /** A lock that the worker holds as long as it lives; null where there is none. */
    life?: string | null;
  };
  inspect(model: ModelSource, job?: Partial<FineTuneJob>): ModelInspection;
  describeData(job: FineTuneJob): DataDescription;
  plan(job: FineTuneJob): Plan;
  pause(): void;
  resume(): void;
  /** Answered when the run has ended. */
  cancel(): void;
  predict(request: PredictRequest): Prediction[];
  evaluate(request: EvaluateRequest): Evaluation;
  save(): SavedModel;
  stored(): StoredRun | null;
  untilFree(): void;
  forget(): void;
  close(): void;
}

/** What the page asks of the worker and is answered piece by piece. */
export interface Streams {
  start(job: FineTuneJob): SessionEvent;
  pickUp(): SessionEvent;
  generate(request: GenerateRequest): string;
}

export type CallName = keyof Calls;
export type StreamName = keyof Streams;

/** From the page to the worker. */
export type Request =
  | { readonly type: "call"; readonly id: number; readonly name: CallName; readonly args: readonly unknown[] }
  | { readonly type: "stream"; readonly id: number; readonly name: StreamName; readonly args: readonly unknown[] }
  /** So many pieces of a stream were taken: the worker may send as many more. */
  | { readonly type: "taken"; readonly id: number; readonly count: number }
  /** Nobody reads the stream any more. */
  | { readonly type: "leave"; readonly id: number };

/** An error as it crosses: its class is lost, its name and message are not. */
export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** What a browser lacks, where it cannot open a GPU. */
  readonly problem?: WebGpuProblem;
}

/** From the worker to the page. */
export type Response =
  | { readonly type: "result"; readonly id: number; readonly result: unknown }
  | { readonly type: "error"; readonly id: number; readonly error: ErrorMessage }
  | { readonly type: "piece"; readonly id: number; readonly piece: unknown }
  | { readonly type: "end"; readonly id: number };
