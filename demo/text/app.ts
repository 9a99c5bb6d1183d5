import type { Plan } from "../../src/finetune/index.ts";
import type { DataSource, FineTuneJob, ModelSource } from "../../src/jobs/index.ts";
import type {
  DataDescription,
  ModelInspection,
  SavedModel,
  SessionRun,
  StoredRun,
  TrainingSession,
} from "../../src/session/index.ts";
import { followRun } from "../shared/follow-run.ts";
import { RunLog } from "../shared/run-log.ts";
import { createStore, type Store } from "../shared/store.ts";
import { clearErrors, showError } from "../shared/toasts.ts";
import { DEFAULT_TRAINING, settingsOf, type Training, trainingOf } from "./training.ts";

export type TextTask = "classify" | "lm";

export interface State {
  readonly task: TextTask;
  readonly model: ModelSource | null;
  /** The model as the job would train it; null while it is read. */
  readonly inspection: ModelInspection | null;
  readonly data: DataSource | null;
  readonly description: DataDescription | null;
  readonly training: Training;
  readonly plan: Plan | null;
  /** Why there is no plan, in words; null where there is one or it is being made. */
  readonly planProblem: string | null;
  readonly isPlanning: boolean;
  readonly run: RunLog | null;
  /** Counts up at every event of the run, which is changed in place. */
  readonly tick: number;
  /** The job of the run, whatever is chosen above by now. */
  readonly job: FineTuneJob | null;
  readonly saved: SavedModel | null;
  readonly stored: StoredRun | null;
}

const INITIAL: State = {
  task: "classify",
  model: null,
  inspection: null,
  data: null,
  description: null,
  training: DEFAULT_TRAINING,
  plan: null,
  planProblem: null,
  isPlanning: false,
  run: null,
  tick: 0,
  job: null,
  saved: null,
  stored: null,
};

/** How long the page waits for another change before it plans, in milliseconds. */
const PAUSE = 250;

export const isBusy = ({ run }: State): boolean =>
  run !== null && (run.phase === "preparing" || run.phase === "running" || run.phase === "paused");

/** The page's state, and what can be done with it. Errors are shown, and leave the state as it was. */
export class App {
  readonly store: Store<State> = createStore(INITIAL);
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Data that are being read; a run that is started meanwhile is one on them. */
  #taking: Promise<boolean> | null = null;

  constructor(readonly session: TrainingSession) {}

  get state(): State {
    return this.store.state;
  }

  /** The job as it is chosen; null while something is missing. */
  get job(): FineTuneJob | null {
    const { task, model, inspection, data, training } = this.state;
    if (!model || !inspection || !data) return null;
    return { task, model, data, settings: settingsOf(inspection, training, task) };
  }

  /** Takes a model. @returns whether it could be read. */
  async chooseModel(model: ModelSource): Promise<boolean> {
    const { model: lastModel, inspection: lastInspection, plan: lastPlan } = this.state;
    this.store.set({ model, inspection: null, plan: null, planProblem: null });
    try {
      const { name, tasks } = await this.session.inspect(model);
      if (!tasks.includes("lm") && !tasks.includes("classify")) {
        throw new Error(`${name} is a model of images; the page Images trains those`);
      }
      const task = tasks.includes(this.state.task) ? this.state.task : (tasks[0] as TextTask);
      const inspection = await this.session.inspect(model, { task });
      if (this.state.model !== model) return true;
      this.store.set({ inspection, task });
      clearErrors();
      this.refresh();
      return true;
    } catch (error) {
      // What was there before stays.
      if (this.state.model === model) this.store.set({ model: lastModel, inspection: lastInspection, plan: lastPlan });
      showError("This model cannot be used", error);
      return false;
    }
  }

  /** Takes data; what makes it fails where it is wrong. @returns whether it could be read. */
  async chooseData(make: DataSource | Promise<DataSource>): Promise<boolean> {
    const taking = this.#takeData(make);
    this.#taking = taking;
    const isTaken = await taking;
    if (this.#taking === taking) this.#taking = null;
    return isTaken;
  }

  async #takeData(make: DataSource | Promise<DataSource>): Promise<boolean> {
    try {
      const data = await make;
      const { inspection, model, training, task } = this.state;
      if (!inspection || !model) return false;
      const settings = settingsOf(inspection, training, task);
      const description = await this.session.describeData({ task, model, data, settings });
      // A run that began meanwhile has data of its own.
      if (isBusy(this.state)) return false;
      this.store.set({ data, description, plan: null, planProblem: null });
      clearErrors();
      this.refresh();
      return true;
    } catch (error) {
      showError("These data cannot be used", error);
      return false;
    }
  }

  async setTask(task: TextTask): Promise<void> {
    const { model } = this.state;
    if (!model) return;
    try {
      // Another task has another head, and so other things to freeze.
      const inspection = await this.session.inspect(model, { task });
      if (this.state.model !== model) return;
      this.store.set({ task, inspection, plan: null });
      this.refresh();
    } catch (error) {
      this.store.set({ task: this.state.task });
      showError("The model cannot learn this", error);
    }
  }

  setTraining(patch: Partial<Training>): void {
    this.store.set({ training: { ...this.state.training, ...patch } });
    this.refresh();
  }

  /** Asks anew what the job would train and take, once the person has stopped for a moment. */
  refresh(): void {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    if (isBusy(this.state)) return;
    this.store.set({ isPlanning: this.job !== null });
    this.#timer = setTimeout(() => void this.#ask(turn), PAUSE);
  }

  async #ask(turn: number): Promise<void> {
    const { job } = this;
    if (!job) return;
    try {
      const description = await this.session.describeData(job);
      if (turn !== this.#turn) return;
      const inspection = await this.session.inspect(job.model, job);
      if (turn !== this.#turn) return;
      this.store.set({ description, inspection });
      const plan = await this.session.plan(job);
      if (turn === this.#turn) this.store.set({ plan, planProblem: null, isPlanning: false });
    } catch (error) {
      if (turn === this.#turn) {
        this.store.set({ plan: null, planProblem: (error as Error).message, isPlanning: false });
      }
    }
  }

  async start(): Promise<void> {
    if (this.#taking && !(await this.#taking)) return;
    const { job } = this;
    if (!job || isBusy(this.state)) return;
    await this.#follow(job, () => this.session.start(job));
  }

  /** Goes on with the run that was kept, and shows its job as what is chosen. */
  async pickUp(): Promise<void> {
    const { stored } = this.state;
    if (!stored || isBusy(this.state)) return;
    void this.#show(stored.job);
    await this.#follow(stored.job, () => this.session.pickUp());
  }

  /** Shows a kept job as what is chosen, as far as its model and data can be read. */
  async #show({ task, model, data, settings = {} }: FineTuneJob): Promise<void> {
    if (task === "image-classify") return;
    try {
      const job = { task, model, data, settings };
      const description = await this.session.describeData(job);
      const inspection = await this.session.inspect(model, job);
      this.store.set({ task, model, data, description, inspection, training: trainingOf(inspection, settings) });
    } catch {
      // The run itself says what is wrong with it.
    }
  }

  async discard(): Promise<void> {
    try {
      await this.session.forget();
      this.store.set({ stored: null });
    } catch (error) {
      showError("The kept run could not be deleted", error);
    }
  }

  pause = (): Promise<void> => this.#do("The run could not be paused", () => this.session.pause());
  resume = (): Promise<void> => this.#do("The run could not go on", () => this.session.resume());
  cancel = (): Promise<void> => this.#do("The run could not be cancelled", () => this.session.cancel());

  async save(): Promise<void> {
    await this.#do("The model could not be saved", async () => {
      this.store.set({ saved: await this.session.save() });
    });
  }

  async #follow(job: FineTuneJob, begin: () => SessionRun): Promise<void> {
    clearTimeout(this.#timer);
    this.#turn++;
    const run = new RunLog();
    this.store.set({ run, job, saved: null, stored: null, isPlanning: false, tick: this.state.tick + 1 });
    const show = (): void => this.store.set({ tick: this.state.tick + 1 });
    try {
      await followRun(run, begin, (event) => {
        if (event.type === "plan") this.store.set({ plan: event.plan });
        show();
      });
    } catch (error) {
      showError("The run has failed", error);
    }
    show();
  }

  async #do(title: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      showError(title, error);
    }
  }
}
