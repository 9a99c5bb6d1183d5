import type { Plan } from "../../src/finetune/index.ts";
import { type DataSource, type FineTuneJob, type ModelSource, modelName } from "../../src/jobs/index.ts";
import type {
  DataDescription,
  ModelInspection,
  SavedModel,
  SessionRun,
  StoredRun,
  TrainingSession,
} from "../../src/session/index.ts";
import { followRun } from "../shared/follow-run.ts";
import { storedRun } from "../shared/kept-run.ts";
import { RunLog } from "../shared/run-log.ts";
import { createStore, type Store } from "../shared/store.ts";
import { clearErrors, showError, showInfo } from "../shared/toasts.ts";
import { columnChoice } from "./columns.ts";
import { obstacleOf } from "./obstacle.ts";
import { DEFAULT_TRAINING, PRESET_EPOCHS, settingsOf, type Training, trainingOf } from "./training.ts";

export type TextTask = "classify" | "lm";
export type Mistakes = Readonly<Partial<Record<keyof Training, string>>>;

export interface State {
  readonly task: TextTask;
  readonly model: ModelSource | null;
  /** The model as the job would train it; the two come together. */
  readonly inspection: ModelInspection | null;
  /** Name of a model that is being read; until it is there, the one before stays. */
  readonly readingModel: string | null;
  readonly data: DataSource | null;
  readonly description: DataDescription | null;
  /** Name of data that are being read. */
  readonly readingData: string | null;
  /** Why the data do not go with the model and what it is to learn, in words. */
  readonly dataProblem: string | null;
  readonly training: Training;
  /** What is wrong with what is written in a field; its last good value stays in `training`. */
  readonly mistakes: Mistakes;
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
  /** The run that was kept when the page was opened. */
  readonly stored: StoredRun | null;
  /** Whether the run above ended early, and can be gone on with. */
  readonly isLeft: boolean;
}

const INITIAL: State = {
  task: "classify",
  model: null,
  inspection: null,
  readingModel: null,
  data: null,
  description: null,
  readingData: null,
  dataProblem: null,
  training: DEFAULT_TRAINING,
  mistakes: {},
  plan: null,
  planProblem: null,
  isPlanning: false,
  run: null,
  tick: 0,
  job: null,
  saved: null,
  stored: null,
  isLeft: false,
};

/** What is trained at first: a head is enough to tell texts apart; to write, blocks have to move. */
type Own = Pick<Training, "preset" | "trained" | "epochs">;
const AT_FIRST: Readonly<Record<TextTask, Own>> = {
  classify: { preset: "head", trained: [], epochs: PRESET_EPOCHS.head },
  lm: { preset: "blocks", trained: [], epochs: PRESET_EPOCHS.blocks },
};

/** How long the page waits for another change before it plans, in milliseconds. */
const PAUSE = 250;

export const isBusy = ({ run }: State): boolean =>
  run !== null && (run.phase === "preparing" || run.phase === "running" || run.phase === "paused");

/** Says why nothing else is taken while a run is under way. */
export function refuseWhileBusy(what: string): void {
  showInfo("A run is under way", `Cancel it, or wait for its end, before you choose ${what}.`);
}

/** The page's state, and what can be done with it. Errors are shown, and leave the state as it was. */
export class App {
  readonly store: Store<State> = createStore(INITIAL);
  #turn = 0;
  #modelTurn = 0;
  #dataTurn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Model and data that are being read; a run that is started meanwhile is one on them. */
  #choosing: Promise<boolean> | null = null;
  #taking: Promise<boolean> | null = null;
  /** What is trained for each task, while it is not the one that is chosen. */
  readonly #own: Record<TextTask, Own> = { ...AT_FIRST };

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

  /** Takes a model. @returns whether it is the one that is trained now. */
  async chooseModel(model: ModelSource): Promise<boolean> {
    const choosing = this.#takeModel(model);
    this.#choosing = choosing;
    const isTaken = await choosing;
    if (this.#choosing === choosing) this.#choosing = null;
    return isTaken;
  }

  async #takeModel(model: ModelSource): Promise<boolean> {
    const turn = ++this.#modelTurn;
    this.store.set({ readingModel: modelName(model) });
    try {
      const { name, tasks } = await this.session.inspect(model);
      if (!tasks.includes("lm") && !tasks.includes("classify")) {
        throw new Error(`${name} is a model of images; the page Images trains those`);
      }
      const task = tasks.includes(this.state.task) ? this.state.task : (tasks[0] as TextTask);
      const patch = await this.#asTask(task, model);
      // What was chosen later counts, or the run that began meanwhile.
      if (turn !== this.#modelTurn || isBusy(this.state)) return false;
      this.store.set({ ...patch, model, readingModel: null, plan: null, planProblem: null });
      clearErrors();
      this.refresh();
      return true;
    } catch (error) {
      if (turn !== this.#modelTurn) return false;
      this.store.set({ readingModel: null });
      showError("This model cannot be used", error);
      return false;
    }
  }

  /** Takes data; what makes it fails where it is wrong. @returns whether they are the ones that are trained on now. */
  async chooseData(name: string, make: DataSource | Promise<DataSource>): Promise<boolean> {
    const taking = this.#takeData(name, make);
    this.#taking = taking;
    const isTaken = await taking;
    if (this.#taking === taking) this.#taking = null;
    return isTaken;
  }

  async #takeData(name: string, make: DataSource | Promise<DataSource>): Promise<boolean> {
    const turn = ++this.#dataTurn;
    this.store.set({ readingData: name });
    try {
      const data = await make;
      const { model } = this.state;
      if (!model) throw new Error("there is no model yet; choose one first");
      const isPlain = data.kind === "text" && /\.txt$/i.test(data.name);
      // Plain text has no labels, so that there is one thing to do with it.
      const isOther = isPlain && this.state.task === "classify" && !!this.state.inspection?.tasks.includes("lm");
      const patch = isOther ? await this.#asTask("lm", model) : {};
      const { task, inspection, training } = { ...this.state, ...patch };
      const columns = { labelColumn: undefined, textColumn: undefined, ...columnChoice(data)?.guess };
      const settings = settingsOf(inspection!, { ...training, ...columns }, task);
      const description = await this.session.describeData({ task, model, data, settings });
      // Data that were chosen later count, and a run that began meanwhile has data of its own.
      if (turn !== this.#dataTurn || isBusy(this.state)) return false;
      this.store.set({
        ...{ ...patch, data, description, readingData: null, dataProblem: null, plan: null, planProblem: null },
        // What was set while the data were read stays.
        training: { ...this.state.training, ...(isOther && this.#own.lm), ...columns },
      });
      clearErrors();
      if (isOther) showInfo("The model learns to write like it", `${name} has no labels to tell apart.`);
      this.refresh();
      return true;
    } catch (error) {
      if (turn !== this.#dataTurn) return false;
      this.store.set({ readingData: null });
      showError("These data cannot be used", error);
      return false;
    }
  }

  async setTask(task: TextTask): Promise<void> {
    const { model } = this.state;
    if (!model) return;
    try {
      const patch = await this.#asTask(task, model);
      if (this.state.model !== model || isBusy(this.state)) return;
      this.store.set({ ...patch, plan: null });
      this.refresh();
    } catch (error) {
      this.store.set({ task: this.state.task });
      showError("The model cannot learn this", error);
    }
  }

  /** What changes with the task: another one has another head, and so other things to freeze. */
  async #asTask(task: TextTask, model: ModelSource): Promise<Pick<State, "task" | "inspection" | "training">> {
    const inspection = await this.session.inspect(model, { task });
    const { training, task: lastTask } = this.state;
    const { positions } = inspection;
    const { preset, trained, epochs } = training;
    if (task !== lastTask) this.#own[lastTask] = { preset, trained, epochs };
    const own = task === lastTask ? {} : this.#own[task];
    const maxLength = Math.min(training.maxLength, positions ?? training.maxLength);
    return { task, inspection, training: { ...training, ...own, maxLength } };
  }

  setTraining(patch: Partial<Training>): void {
    const { training, mistakes } = this.state;
    const left = Object.entries(mistakes).filter(([key]) => !(key in patch));
    this.store.set({ training: { ...training, ...patch }, mistakes: Object.fromEntries(left) });
    this.refresh();
  }

  /** What is wrong with what a field says; nothing starts until it is mended. */
  setMistake(key: keyof Training, mistake: string): void {
    if (this.state.mistakes[key] !== mistake) this.store.set({ mistakes: { ...this.state.mistakes, [key]: mistake } });
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
    const isOld = (): boolean => turn !== this.#turn;
    try {
      const description = await this.session.describeData(job);
      if (isOld()) return;
      this.store.set({ description, dataProblem: null });
    } catch (error) {
      const dataProblem = (error as Error).message;
      if (!isOld()) this.store.set({ dataProblem, plan: null, planProblem: null, isPlanning: false });
      return;
    }
    try {
      const inspection = await this.session.inspect(job.model, job);
      if (isOld()) return;
      this.store.set({ inspection });
      const plan = await this.session.plan(job);
      if (!isOld()) this.store.set({ plan, planProblem: null, isPlanning: false });
    } catch (error) {
      if (!isOld()) this.store.set({ plan: null, planProblem: (error as Error).message, isPlanning: false });
    }
  }

  async start(): Promise<void> {
    if (this.#choosing && !(await this.#choosing)) return;
    if (this.#taking && !(await this.#taking)) return;
    const { job } = this;
    if (!job || isBusy(this.state) || obstacleOf(this.state)) return;
    await this.#follow(job, () => this.session.start(job));
  }

  /** Goes on with the run that was kept, and shows its job as what is chosen. */
  async pickUp(): Promise<void> {
    const stored = this.state.stored ?? (await this.session.stored());
    if (!stored || isBusy(this.state)) return;
    this.#modelTurn++;
    this.#dataTurn++;
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
      const training = trainingOf(inspection, settings);
      this.store.set({ task, model, data, description, inspection, training, mistakes: {}, dataProblem: null });
    } catch {
      // The run itself says what is wrong with it.
    }
  }

  /** Offers the run that is kept, after the model that it trained went with its device. */
  async offerKept(error: unknown): Promise<void> {
    if (!/device was lost/.test((error as Error).message) || isBusy(this.state)) return;
    const stored = await this.session.stored().catch(() => null);
    if (!isBusy(this.state)) this.store.set({ stored });
  }

  /** What is said of a kept run may be over: it was deleted, or another tab has left it. */
  async lookAgain(): Promise<void> {
    const stored = await storedRun(this.session);
    const { stored: shown, isLeft } = this.state;
    if (isBusy(this.state)) return;
    this.store.set({ stored: shown && stored, isLeft: isLeft && stored !== null, tick: this.state.tick + 1 });
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
  /** Goes on with a run that is held, or that ended early. */
  resume = (): Promise<void> =>
    this.#do("The run could not go on", () => (this.state.isLeft ? this.pickUp() : this.session.resume()));
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
    this.store.set({
      ...{ run, job, saved: null, stored: null, isLeft: false, tick: this.state.tick + 1 },
      ...{ isPlanning: false, readingModel: null, readingData: null },
    });
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
    if (!run.lastStep || (run.phase === "ended" && run.ended !== "cancelled")) return;
    const left = await this.session.stored().catch(() => null);
    if (this.state.run === run && left && left.step > 0) this.store.set({ isLeft: true, tick: this.state.tick + 1 });
  }

  async #do(title: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      showError(title, error);
      void this.offerKept(error);
    }
  }
}
