import { type FineTuneJob, type JobSettings, modelName } from "../../src/jobs/index.ts";
import type {
  ModelInspection,
  Prediction,
  SavedModel,
  SessionRun,
  StoredRun,
  TrainingSession,
  Which,
} from "../../src/session/index.ts";
import { followRun } from "../shared/follow-run.ts";
import { storedRun } from "../shared/kept-run.ts";
import { RunLog } from "../shared/run-log.ts";
import { createStore, type Store } from "../shared/store.ts";
import { showError } from "../shared/toasts.ts";
import { isModelName, MODELS, type ModelName, modelSource } from "./models.ts";
import {
  calledIn,
  classesOf,
  forgetPicture,
  missingIn,
  nextId,
  type Picture,
  type PictureClass,
  pictureData,
} from "./pictures.ts";

/** What is done to the training pictures at random, as `--augment` takes it. */
export const AUGMENTATIONS = {
  none: { label: "As they are", augment: [] },
  shift: { label: "Shifted", augment: ["crop=3"] },
  mirror: { label: "Shifted and mirrored", augment: ["crop=3", "flip"] },
  colour: { label: "Colours changed, too", augment: ["crop=3", "flip", "jitter=0.3"] },
} as const satisfies Record<string, { label: string; augment: readonly string[] }>;

export type AugmentationName = keyof typeof AUGMENTATIONS;
export const AUGMENTATION_NAMES = Object.keys(AUGMENTATIONS) as AugmentationName[];

export interface Training {
  readonly epochs: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly augmentation: AugmentationName;
}

export interface State {
  readonly model: ModelName;
  readonly inspection: ModelInspection | null;
  readonly classes: readonly PictureClass[];
  /** The classes as they were before each change that can be taken back, the latest last. */
  readonly past: readonly Change[];
  readonly training: Training;
  readonly run: RunLog | null;
  /** Counts up at every event of the run, which is changed in place. */
  readonly tick: number;
  /** What the run learns from, whatever is drawn by now. */
  readonly job: FineTuneJob | null;
  readonly trainedOn: readonly PictureClass[];
  readonly saved: SavedModel | null;
  readonly stored: StoredRun | null;
  /** The pictures of the kept run, whatever is made of them meanwhile. */
  readonly storedClasses: readonly PictureClass[];
  /** Whether the trained network went with its device, and can be had again from the kept run. */
  readonly isLost: boolean;
}

/** A change of the classes, as people say it, and what it began from. */
export interface Change {
  /** "removing a picture of cross" */
  readonly what: string;
  readonly classes: readonly PictureClass[];
}

/** Changes that can be taken back, at most. */
const MOST_CHANGES = 50;

/** Share of the pictures that is kept for validation. */
const VALID_FRACTION = 0.25;

export const isBusy = ({ run }: State): boolean =>
  run !== null && (run.phase === "preparing" || run.phase === "running" || run.phase === "paused");

export const emptyClass = (name: string): PictureClass => ({ id: nextId(), name, pictures: [] });

/** The page's state, and what can be done with it. Errors are shown, and leave the state as it was. */
export class App {
  readonly store: Store<State> = createStore<State>({
    model: "mnist-cnn",
    inspection: null,
    classes: [emptyClass("one"), emptyClass("other")],
    past: [],
    training: { epochs: 20, batch: 8, learningRate: MODELS["mnist-cnn"].learningRate, seed: 42, augmentation: "none" },
    run: null,
    tick: 0,
    job: null,
    trainedOn: [],
    saved: null,
    stored: null,
    storedClasses: [],
    isLost: false,
  });

  constructor(readonly session: TrainingSession) {}

  get state(): State {
    return this.store.state;
  }

  async chooseModel(model: ModelName): Promise<void> {
    this.store.set({ model, inspection: null });
    this.setTraining({ learningRate: MODELS[model].learningRate });
    try {
      const inspection = await this.session.inspect(modelSource(model));
      if (this.state.model === model) this.store.set({ inspection });
    } catch (error) {
      showError("This network cannot be read", error);
    }
  }

  setTraining(patch: Partial<Training>): void {
    this.store.set({ training: { ...this.state.training, ...patch } });
  }

  /** Changes the classes so that it can be taken back. */
  changeClasses(what: string, classes: readonly PictureClass[]): void {
    const past = [...this.state.past, { what, classes: this.state.classes }];
    this.#setClasses(classes, past.slice(-MOST_CHANGES));
  }

  /** Takes the last change back. Names that were written since stay. @returns what it was, or null. */
  undo(): string | null {
    const last = this.state.past.at(-1);
    if (!last || isBusy(this.state)) return null;
    const names = new Map(this.state.classes.map(({ id, name }) => [id, name]));
    const classes = last.classes.map((one) => ({ ...one, name: names.get(one.id) ?? one.name }));
    this.#setClasses(classes, this.state.past.slice(0, -1));
    return last.what;
  }

  #setClasses(classes: readonly PictureClass[], past: readonly Change[]): void {
    const picturesOf = (some: readonly PictureClass[]): readonly Picture[] => some.flatMap(({ pictures }) => pictures);
    const { trainedOn } = this.state;
    const kept = new Set([classes, trainedOn, ...past.map((one) => one.classes)].flatMap(picturesOf));
    const had = [this.state.classes, ...this.state.past.map((one) => one.classes)].flatMap(picturesOf);
    for (const one of new Set(had)) if (!kept.has(one)) forgetPicture(one);
    this.store.set({ classes, past });
  }

  /** Adds classes: those that are there already get more pictures, and those without a picture make room. */
  mergeClasses(what: string, found: readonly PictureClass[]): void {
    if (found.length === 0) return;
    const known = this.state.classes.filter(({ pictures }) => pictures.length > 0);
    const grown = known.map((one) => {
      const more = found.find(({ name }) => name === one.name.trim());
      return more ? { ...one, pictures: [...one.pictures, ...more.pictures] } : one;
    });
    const fresh = found.filter(({ name }) => !known.some((one) => one.name.trim() === name));
    this.changeClasses(what, [...grown, ...fresh]);
  }

  /** What is written in a field is taken back there. */
  renameClass(id: number, name: string): void {
    this.#setClasses(
      this.state.classes.map((one) => (one.id === id ? { ...one, name } : one)),
      this.state.past,
    );
  }

  addPictures(id: number, added: readonly Picture[]): void {
    if (added.length === 0) return;
    const what = added.length === 1 ? "adding a picture to" : `adding ${added.length} pictures to`;
    this.#changePictures(id, what, (pictures) => [...pictures, ...added]);
  }

  removePicture(id: number, picture: Picture): void {
    this.#changePictures(id, "removing a picture of", (pictures) => pictures.filter((other) => other !== picture));
  }

  #changePictures(id: number, what: string, change: (pictures: readonly Picture[]) => readonly Picture[]): void {
    const { classes } = this.state;
    const own = classes.find((one) => one.id === id);
    if (!own) return;
    const pictures = change(own.pictures);
    this.changeClasses(
      `${what} ${calledIn(own)}`,
      classes.map((one) => (one === own ? { ...own, pictures } : one)),
    );
  }

  /** The job as it is chosen; null while something is missing. */
  get job(): FineTuneJob | null {
    const { model, inspection, classes, training } = this.state;
    if (!inspection || missingIn(classes) !== null) return null;
    const { epochs, batch, learningRate, seed, augmentation } = training;
    const { augment } = AUGMENTATIONS[augmentation];
    const settings: JobSettings = {
      validFraction: VALID_FRACTION,
      ...(augment.length > 0 ? { augment } : {}),
      epochs,
      batch,
      lr: learningRate,
      freeze: "*",
      newHead: true,
      seed,
    };
    return { task: "image-classify", model: modelSource(model), data: pictureData(classes), settings };
  }

  start = async (): Promise<void> => {
    const { job } = this;
    if (job && !isBusy(this.state)) await this.#follow(job, () => this.session.start(job));
  };

  /** Looks whether a run was kept, and shows its model and pictures as what is chosen. */
  async lookForKept(): Promise<void> {
    const stored = await storedRun(this.session);
    if (!stored) return;
    const { model, data, settings = {} } = stored.job;
    const name = model.kind === "url" ? modelName(model) : "";
    if (!isModelName(name) || data.kind !== "images") return;
    await this.chooseModel(name);
    const storedClasses = classesOf(data.images);
    this.#setClasses(storedClasses, []);
    const { epochs, batch, lr, seed, augment = [] } = settings;
    this.setTraining({
      ...{ epochs, batch, learningRate: lr, seed },
      augmentation: AUGMENTATION_NAMES.find((one) => AUGMENTATIONS[one].augment.join() === augment.join()) ?? "none",
    } as Training);
    this.store.set({ stored, storedClasses });
  }

  /** What is said of a kept run may be over: it was deleted, or another tab has left it. */
  async lookAgain(): Promise<void> {
    const stored = await storedRun(this.session);
    if (isBusy(this.state)) return;
    const data = stored?.job.data;
    const storedClasses = data?.kind === "images" ? classesOf(data.images) : [];
    this.store.set({ stored: this.state.stored && stored, storedClasses });
  }

  async pickUp(): Promise<void> {
    const { stored, storedClasses } = this.state;
    if (stored && !isBusy(this.state)) await this.#follow(stored.job, () => this.session.pickUp(), storedClasses);
  }

  discard = (): Promise<void> =>
    this.#do("The kept run could not be deleted", async () => {
      await this.session.forget();
      this.store.set({ stored: null });
    });

  async #follow(job: FineTuneJob, begin: () => SessionRun, trainedOn = this.state.classes): Promise<void> {
    const run = new RunLog();
    const tick = this.state.tick + 1;
    this.store.set({ run, job, trainedOn, saved: null, stored: null, isLost: false, tick });
    const show = (): void => this.store.set({ tick: this.state.tick + 1 });
    try {
      await followRun(run, begin, show);
    } catch (error) {
      showError("The run has failed", error);
    }
    show();
  }

  pause = (): Promise<void> => this.#do("The run could not be paused", () => this.session.pause());
  resume = (): Promise<void> => this.#do("The run could not go on", () => this.session.resume());
  cancel = (): Promise<void> => this.#do("The run could not be cancelled", () => this.session.cancel());

  async predict(image: Blob, which: Which): Promise<Prediction> {
    try {
      const [prediction] = await this.session.predict({ images: [image], which });
      return prediction;
    } catch (error) {
      await this.#offerWhatWasLost(error);
      throw error;
    }
  }

  /** Offers the kept run again where the device was lost, and the trained network with it. */
  async #offerWhatWasLost(error: unknown): Promise<void> {
    if (isBusy(this.state) || !/GPU device was lost/i.test((error as Error).message)) return;
    const { trainedOn, tick } = this.state;
    this.store.set({ isLost: true, stored: await storedRun(this.session), storedClasses: trainedOn, tick: tick + 1 });
  }

  save = (): Promise<void> =>
    this.#do("The network could not be saved", async () => {
      try {
        this.store.set({ saved: await this.session.save() });
      } catch (error) {
        await this.#offerWhatWasLost(error);
        throw error;
      }
    });

  async #do(title: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      showError(title, error);
    }
  }
}
