import { CHECKPOINT_FILE, type TrainingEvent } from "../../finetune/index.ts";
import type { ByteSink, ModelDirectory, OutputDirectory } from "../../io/index.ts";
import type { FineTuneJob } from "../../jobs/index.ts";
import { stepsInCheckpoint } from "../../jobs/training/run.ts";
import type { RunFolder, StoredRun } from "../types.ts";
import type { EventLog } from "./event-log.ts";
import { MemoryFolder, partOf } from "./folders.ts";
import { copyTo, pack, unpack } from "./packing.ts";

const JOB_FILE = "job.json";
const BYTES_FILE = "job.bin";
const EVENTS_FILE = "events.json";
/** Ahead of the names of a model's files that are kept with the run. */
const MODEL_PREFIX = "model-";

/** Attempts to read what another tab may be replacing. */
const READS = 3;

/** What stands in the file of the job. */
interface KeptJob {
  readonly format: "graft-run";
  readonly version: 1;
  readonly job: FineTuneJob;
}

type BytesCopied = (file: string, loaded: number, total: number) => void;

/** How far the run was when it was last kept. */
interface KeptEvents {
  readonly date: string;
  readonly step: number;
  readonly totalSteps: number | null;
  readonly ended: StoredRun["ended"];
  readonly events: readonly TrainingEvent[];
}

/** What is kept, whoever is training it now. */
type KeptDescription = Omit<StoredRun, "isElsewhere">;

/** What could not be written down of a run: the storage is full, or was cleared meanwhile. The run itself is unharmed. */
export class NotKeptError extends Error {
  override name = "NotKeptError";
}

/** Does what writes, whose errors are told apart from those of the run. */
async function writing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new NotKeptError((error as Error).message, { cause: error });
  }
}

/**
 * A run in a folder: its job with all that the job brings along, its newest checkpoint and the events up to it. It is enough
 * to go on after a reload.
 */
export class KeptRun {
  #folder: RunFolder;

  /** @param reopen makes the folder anew, which a person may have deleted since */
  constructor(
    folder: RunFolder,
    private readonly reopen: () => Promise<RunFolder> = async () => folder,
  ) {
    this.#folder = folder;
  }

  get folder(): RunFolder {
    return this.#folder;
  }

  /** Whether what is kept outlasts the page. */
  get outlasts(): boolean {
    return !(this.folder instanceof MemoryFolder);
  }

  /**
   * Begins a new run; what was kept before is gone. Tells of the bytes of a model that is copied.
   *
   * @throws NotKeptError where it cannot be written down; then nothing of it is.
   */
  async begin(job: FineTuneJob, onBytes: BytesCopied): Promise<void> {
    try {
      await writing(async () => {
        this.#folder = await this.reopen();
        await this.#write(job, onBytes);
      });
    } catch (error) {
      await this.forget().catch(() => {});
      throw error;
    }
  }

  async #write(job: FineTuneJob, onBytes: BytesCopied): Promise<void> {
    await this.forget();
    const { model } = job;
    if (model.kind === "files") {
      const total = Object.values(model.files).reduce((sum, { size }) => sum + size, 0);
      let loaded = 0;
      for (const [file, blob] of Object.entries(model.files)) {
        await copyTo(this.folder, MODEL_PREFIX + file, [blob], (bytes) => {
          loaded += bytes;
          onBytes(file, loaded, total);
        });
      }
    }
    const kept: KeptJob = {
      ...{ format: "graft-run", version: 1 },
      job: model.kind === "files" ? { ...job, model: { ...model, files: {} } } : job,
    };
    // The job comes last: without it there is no run.
    await this.folder.writeText(JOB_FILE, await pack(kept, this.folder, BYTES_FILE));
  }

  /** The job that is kept; null when there is none. The files of a model that came as files are in {@link model}. */
  async job(): Promise<FineTuneJob | null> {
    if (!(await this.folder.has(JOB_FILE))) return null;
    const bytes = await this.folder.open(BYTES_FILE);
    try {
      const kept = await unpack<KeptJob>(await this.folder.readText(JOB_FILE), bytes);
      if (kept.format === "graft-run" && kept.version === 1) return kept.job;
    } finally {
      await bytes.close();
    }
    throw new Error(`${this.folder.name}/${JOB_FILE}: not a run that this version kept`);
  }

  /** The model that came as files. */
  model(name: string): ModelDirectory {
    return partOf(this.folder, MODEL_PREFIX, name);
  }

  /**
   * Where the trainer's checkpoints go: the events up to each are kept ahead of it. What cannot be written is a
   * NotKeptError.
   */
  checkpoints(log: EventLog): OutputDirectory {
    const { folder } = this;
    return {
      name: folder.name,
      writeText: (file, text) => writing(() => folder.writeText(file, text)),
      create: async (file) => {
        if (file === CHECKPOINT_FILE) await this.keepEvents(log, null);
        return toldApart(await writing(() => folder.create(file)));
      },
    };
  }

  /** @throws NotKeptError where they cannot be written. */
  keepEvents(log: EventLog, ended: StoredRun["ended"]): Promise<void> {
    return writing(() => this.#writeEvents(log, ended));
  }

  async #writeEvents(log: EventLog, ended: StoredRun["ended"]): Promise<void> {
    const { step, totalSteps, events } = log;
    const kept: KeptEvents = { date: new Date().toISOString(), step, totalSteps, ended, events };
    await this.folder.writeText(EVENTS_FILE, JSON.stringify(kept));
  }

  async events(): Promise<KeptEvents | null> {
    if (!(await this.folder.has(EVENTS_FILE))) return null;
    return JSON.parse(await this.folder.readText(EVENTS_FILE)) as KeptEvents;
  }

  hasCheckpoint(): Promise<boolean> {
    return this.folder.has(CHECKPOINT_FILE);
  }

  /** What is kept, as it is at this moment: another tab may be training, and replaces files while they are read. */
  async describe(): Promise<KeptDescription | null> {
    for (let read = 1; ; read++) {
      try {
        return await this.#describe();
      } catch (error) {
        if (read === READS) throw error;
      }
    }
  }

  async #describe(): Promise<KeptDescription | null> {
    const job = await this.job();
    if (!job) return null;
    const kept = await this.events();
    const { totalSteps = null, ended = null, date = new Date(0).toISOString(), events = [] } = kept ?? {};
    // The events are kept ahead of the checkpoint: they may tell of one that was never written.
    const step = (await stepsInCheckpoint(this.folder)) ?? 0;
    const last = events.findLast((event) => event.type === "evaluation" && event.step <= step);
    const evaluation = last?.type === "evaluation" ? last.evaluation : null;
    return { job, step, totalSteps, ended, evaluation, date };
  }

  async forget(): Promise<void> {
    await this.folder.remove(JOB_FILE);
    for (const file of [CHECKPOINT_FILE, EVENTS_FILE, BYTES_FILE]) await this.folder.remove(file);
    for (const file of await this.folder.list()) {
      if (file.startsWith(MODEL_PREFIX)) await this.folder.remove(file);
    }
  }
}

/** A sink whose errors are told apart from those of who writes into it. */
const toldApart = (sink: ByteSink): ByteSink => ({
  name: sink.name,
  write: (bytes) => writing(() => sink.write(bytes)),
  close: () => writing(() => sink.close()),
  abort: () => sink.abort(),
});
