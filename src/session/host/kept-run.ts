import { CHECKPOINT_FILE, type TrainingEvent } from "../../finetune/index.ts";
import type { ModelDirectory, OutputDirectory } from "../../io/index.ts";
import type { FineTuneJob } from "../../jobs/index.ts";
import { stepsInCheckpoint } from "../../jobs/training/run.ts";
import type { RunFolder, StoredRun } from "../types.ts";
import type { EventLog } from "./event-log.ts";
import { partOf } from "./folders.ts";
import { copyTo, pack, unpack } from "./packing.ts";

const JOB_FILE = "job.json";
const BYTES_FILE = "job.bin";
const EVENTS_FILE = "events.json";
/** Ahead of the names of a model's files that are kept with the run. */
const MODEL_PREFIX = "model-";

/** What stands in the file of the job. */
interface KeptJob {
  readonly format: "graft-run";
  readonly version: 1;
  readonly job: FineTuneJob;
}

/** How far the run was when it was last kept. */
interface KeptEvents {
  readonly date: string;
  readonly step: number;
  readonly totalSteps: number | null;
  readonly ended: StoredRun["ended"];
  readonly events: readonly TrainingEvent[];
}

/**
 * A run in a folder: its job with all that the job brings along, its newest checkpoint and the events up to it. It is enough
 * to go on after a reload.
 */
export class KeptRun {
  constructor(readonly folder: RunFolder) {}

  /** Begins a new run; what was kept before is gone. Tells of the bytes of a model that is copied. */
  async begin(job: FineTuneJob, onBytes: (file: string, loaded: number, total: number) => void): Promise<void> {
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

  /** Where the trainer's checkpoints go: the events up to each are kept ahead of it. */
  checkpoints(log: EventLog): OutputDirectory {
    const { folder } = this;
    return {
      name: folder.name,
      writeText: (file, text) => folder.writeText(file, text),
      create: async (file) => {
        if (file === CHECKPOINT_FILE) await this.keepEvents(log, null);
        return folder.create(file);
      },
    };
  }

  async keepEvents(log: EventLog, ended: StoredRun["ended"]): Promise<void> {
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

  async describe(): Promise<StoredRun | null> {
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
