/** Loss and metrics of one pass over a validation set. */
export interface Evaluation {
  /** Mean loss in nats: a token for language modelling, an example for classification. */
  loss: number;
  /** Examples (classification) or predicted tokens (language modelling). */
  count: number;
  /** exp(loss), for language modelling. */
  perplexity?: number;
  accuracy?: number;
  macroF1?: number;
  /** Rows are the true classes, columns the predicted ones, in the order of `labels`. */
  confusionMatrix?: number[][];
  /** Per class, in the order of `labels`. */
  classes?: { label: string; precision: number; recall: number; f1: number; support: number }[];
  labels?: string[];
}

/** What a model is trained for. */
export type Task = "classify" | "lm" | "image-classify";

/** The run is about to start. */
export interface StartEvent {
  type: "start";
  task: Task;
  adapter: string;
  model: string;
  /** All parameters, and those of them that will be trained, in elements. */
  parameters: number;
  trainableParameters: number;
  /** Checkpoint names that are trained, and those that are frozen. */
  trainable: string[];
  frozen: string[];
  trainExamples: number;
  validExamples: number;
  epochs: number;
  totalSteps: number;
  /** Every hyper-parameter as used. */
  settings: Record<string, string | number | boolean | null>;
  /** Learning rate, weight decay and size of each parameter group. */
  groups: { name: string; learningRate: number; weightDecay: number; parameters: number }[];
}

/** A named part of a longer recipe begins: "head", "last two blocks". */
export interface StageEvent {
  type: "stage";
  name: string;
  /** From 1. */
  index: number;
  count: number;
  description: string;
}

/** One optimizer step was taken. */
export interface StepEvent {
  type: "step";
  /** From 1, counted over the run (not over the stage). */
  step: number;
  totalSteps: number;
  /** From 1. */
  epoch: number;
  /** Mean loss of the step's batch. */
  loss: number;
  /** Global norm of the gradient before clipping; null when clipping is off. */
  gradientNorm: number | null;
  /** Learning rates of the groups, by name. */
  learningRates: Record<string, number>;
  /** Tokens of this step, without padding; images, where the examples are images. */
  tokens: number;
  tokensPerSecond: number;
  /** Seconds left, estimated from the steps so far; null when unknown. */
  secondsLeft: number | null;
}

/** The validation set was measured. */
export interface EvaluationEvent {
  type: "evaluation";
  /** Optimizer steps taken before. */
  step: number;
  epoch: number;
  split: "valid";
  evaluation: Evaluation;
  /** Whether it is the best so far; the best model is kept. */
  best: boolean;
  seconds: number;
}

/** How the activations below the frozen boundary are reused. */
export interface CacheEvent {
  type: "cache";
  /** Whether activations are kept; `reason` says why not. */
  enabled: boolean;
  reason: string;
  /** First trained part of the model: "h.2", "score". */
  boundary: string;
  gpuBytes: number;
  hostBytes: number;
  /** Examples whose activations were computed, and how often kept ones were used instead. */
  computed: number;
  reused: number;
  /** Seconds not spent, estimated as reuse × mean cost of computing; 0 until something was reused. */
  secondsSaved: number;
}

/** The frozen part of the model is being run ahead for the training examples. */
export interface PrepareEvent {
  type: "prepare";
  /** Examples done, and examples in all. */
  done: number;
  total: number;
}

/** Something the user should know, and the run goes on. */
export interface NoticeEvent {
  type: "notice";
  message: string;
}

/** The run can be gone on with from here. */
export interface CheckpointEvent {
  type: "checkpoint";
  step: number;
  path: string;
}

/** The run is over: its last event. */
export interface EndEvent {
  type: "end";
  /** Why the run ended. */
  reason: "finished" | "cancelled" | "max-steps";
  steps: number;
  seconds: number;
  /** Step of the weights that are kept, and their evaluation. */
  bestStep: number | null;
  evaluation: Evaluation | null;
  tokens: number;
  peakBytes: number;
}

/** What a training run tells, in order. The command line, a page and a notebook render the same stream. */
export type TrainingEvent =
  | StartEvent
  | StageEvent
  | StepEvent
  | EvaluationEvent
  | CacheEvent
  | PrepareEvent
  | CheckpointEvent
  | NoticeEvent
  | EndEvent;
