import type { Evaluation, StartEvent, TrainingEvent } from "../../finetune/events.ts";
import type { ReportStage } from "../../finetune/report.ts";

/** Sorts the events of a run into its stages, for the report. */
export class StageRecorder {
  readonly #stages: { name: string; description: string; start: StartEvent | null; events: TrainingEvent[] }[] = [];
  /** Evaluation ahead of the first step. */
  before: Evaluation | null = null;
  /** Evaluation of the weights that are kept. */
  after: Evaluation | null = null;

  record(event: TrainingEvent): void {
    if (event.type === "stage") {
      this.#stages.push({ name: event.name, description: event.description, start: null, events: [] });
      return;
    }
    if (this.#stages.length === 0) this.#stages.push({ name: "training", description: "", start: null, events: [] });
    const stage = this.#stages[this.#stages.length - 1];
    stage.events.push(event);
    if (event.type === "start") stage.start ??= event;
    if (event.type === "evaluation" && event.step === 0) this.before ??= event.evaluation;
    if (event.type === "end" && event.evaluation) this.after = event.evaluation;
  }

  get stages(): ReportStage[] {
    return this.#stages.flatMap(({ name, description, start, events }) =>
      start ? [{ name, description, start, events }] : [],
    );
  }
}
