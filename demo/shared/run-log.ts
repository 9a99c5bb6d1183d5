import type { Evaluation, StepEvent, TrainingEvent } from "../../src/finetune/index.ts";
import type { SessionEvent } from "../../src/session/index.ts";

/** What a run is at, as the page shows it. */
export type Phase = "idle" | "preparing" | "running" | "paused" | "ended" | "failed";

/** Something that has come so far. */
export interface Share {
  readonly done: number;
  /** 0 while it is not known. */
  readonly total: number;
}

/** A run as its events have told it; one is made anew for each run. */
export class RunLog {
  phase: Phase = "preparing";
  download: Share | null = null;
  weights: Share | null = null;
  pipelines: Share | null = null;
  /** Examples whose frozen part has been run ahead. */
  trunk: Share | null = null;
  /** Whether it is held where it outlasts the page. */
  isKept = false;
  totalSteps = 0;
  epochs = 0;
  lastStep: StepEvent | null = null;
  first: Evaluation | null = null;
  best: Evaluation | null = null;
  latest: Evaluation | null = null;
  latestStep = 0;
  bestStep: number | null = null;
  /** Seconds of reading the model not spent, thanks to the frozen part being kept. */
  secondsSaved = 0;
  ended: "finished" | "cancelled" | "max-steps" | null = null;
  /** Lines for the reader, the newest last. */
  readonly notices: string[] = [];
  /** By step: the charts' columns. */
  readonly steps: number[] = [0];
  readonly trainLoss: (number | null)[] = [null];
  readonly validLoss: (number | null)[] = [null];
  readonly accuracy: (number | null)[] = [null];

  record(event: SessionEvent): void {
    switch (event.type) {
      case "history":
        for (const one of event.events) this.#training(one);
        this.phase = "preparing";
        this.notices.push(`Goes on after step ${event.step}.`);
        break;
      case "bytes":
        this[event.what] = { done: event.loaded, total: event.total };
        break;
      case "compile":
        this.pipelines = { done: event.done, total: event.total };
        break;
      case "plan":
        break;
      case "paused":
        this.phase = "paused";
        this.isKept = event.isKept;
        break;
      case "resumed":
        this.phase = "running";
        break;
      case "device-lost":
        this.phase = "preparing";
        this.notices.push(
          `The GPU was lost at step ${event.step}: ${event.message.replace(/^The GPU device was lost \(\w+\): /, "")}`,
        );
        break;
      case "recovered":
        this.#cut(event.step);
        this.phase = "running";
        this.notices.push(`Goes on after step ${event.step} on ${event.adapter}.`);
        break;
      default:
        this.#training(event);
    }
  }

  #training(event: TrainingEvent): void {
    switch (event.type) {
      case "start":
        this.totalSteps = event.totalSteps;
        this.epochs = event.epochs;
        break;
      case "stage":
        this.notices.push(`${event.name}: ${event.description}`);
        break;
      case "prepare":
        this.trunk = { done: event.done, total: event.total };
        break;
      case "step":
        this.phase = "running";
        this.lastStep = event;
        this.totalSteps = event.totalSteps;
        this.trainLoss[this.#row(event.step)] = event.loss;
        break;
      case "evaluation": {
        const row = this.#row(event.step);
        this.validLoss[row] = event.evaluation.loss;
        this.accuracy[row] = event.evaluation.accuracy ?? null;
        this.latest = event.evaluation;
        this.latestStep = event.step;
        this.first ??= event.evaluation;
        if (event.best) {
          this.best = event.evaluation;
          this.bestStep = event.step;
        }
        break;
      }
      case "cache":
        this.secondsSaved = event.secondsSaved;
        break;
      case "notice":
        this.notices.push(event.message);
        break;
      case "end":
        this.phase = "ended";
        this.ended = event.reason;
        this.bestStep = event.bestStep;
        this.best = event.evaluation ?? this.best;
        break;
      default:
    }
  }

  /** The row of a step, with empty ones before it where steps were not told. */
  #row(step: number): number {
    while (this.steps.length <= step) {
      this.steps.push(this.steps.length);
      this.trainLoss.push(null);
      this.validLoss.push(null);
      this.accuracy.push(null);
    }
    return step;
  }

  /** Forgets what came after a step, because it comes once more. */
  #cut(step: number): void {
    for (const column of [this.steps, this.trainLoss, this.validLoss, this.accuracy])
      column.length = Math.min(column.length, step + 1);
  }
}
