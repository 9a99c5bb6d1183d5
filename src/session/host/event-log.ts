import type { TrainingEvent } from "../../finetune/index.ts";
import { StageRecorder } from "../../jobs/training/stage-recorder.ts";

/** Steps that had been taken at an event; null where it does not tell. */
const stepOf = (event: TrainingEvent): number | null =>
  event.type === "step" || event.type === "evaluation" || event.type === "checkpoint" ? event.step : null;

const isSameEvaluation = (event: TrainingEvent, step: number): boolean =>
  event.type === "evaluation" && event.step === step;

/**
 * The events of a run across its interruptions, as if there had been none: what comes after a checkpoint is forgotten when
 * the run goes back to it, and what is told again at a new start counts once.
 */
export class EventLog {
  #events: TrainingEvent[];
  #step = 0;
  #totalSteps: number | null = null;
  /** Whether the next start and stage repeat what is in the log. */
  #isRepeating = false;

  constructor(events: readonly TrainingEvent[] = []) {
    this.#events = [];
    for (const event of events) this.add(event);
  }

  get events(): readonly TrainingEvent[] {
    return this.#events;
  }

  /** Steps taken. */
  get step(): number {
    return this.#step;
  }

  get totalSteps(): number | null {
    return this.#totalSteps;
  }

  add(event: TrainingEvent): void {
    if (event.type === "step") this.#step = event.step;
    if (event.type === "step" || event.type === "start") this.#totalSteps = event.totalSteps;
    if (this.#isRepeating) {
      if (event.type === "start" || (event.type === "stage" && event.index === this.#lastStage)) return;
      this.#isRepeating = false;
    }
    // The frozen part's preparation is of this moment alone.
    if (event.type === "prepare") return;
    const same = event.type === "evaluation" ? this.#events.findIndex((one) => isSameEvaluation(one, event.step)) : -1;
    if (same >= 0) this.#events[same] = event;
    else this.#events.push(event);
  }

  get #lastStage(): number | undefined {
    return this.#events.findLast((event) => event.type === "stage")?.index;
  }

  /** Forgets what came after so many steps; the run is started anew from there. */
  goBackTo(step: number): void {
    const last = this.#events.findLastIndex((event) => {
      const own = stepOf(event);
      return own !== null && own <= step && (own > 0 || event.type === "evaluation");
    });
    this.#events = step === 0 ? [] : this.#events.slice(0, last + 1);
    this.#step = this.#events.length === 0 ? 0 : step;
    this.#isRepeating = this.#events.length > 0;
  }

  /** The events sorted into stages, for the report. */
  recorded(): StageRecorder {
    const recorder = new StageRecorder();
    for (const event of this.#events) recorder.record(event);
    return recorder;
  }
}
