import type { ModelDirectory } from "../../io/index.ts";
import { checkJob } from "../../jobs/check.ts";
import { type FineTuneJob, fullSettings, type ModelSource } from "../../jobs/index.ts";
import { checkSource } from "../../jobs/job.ts";
import { prepareJob } from "../../jobs/tasks/prepare.ts";
import type { JobReader, TaskRun } from "../../jobs/tasks/task-run.ts";
import { countingReads } from "./folders.ts";
import { type ReaderOptions, readingKey, sessionReader } from "./reader.ts";

/** Told of bytes: of downloads, and of weights as they go into the GPU. */
export type BytesListener = (what: "download" | "weights", file: string, loaded: number, total: number) => void;

/** Models and data, those of the newest job only once: a page asks of one job again and again while it is put together. */
export class Sources {
  readonly #reader: JobReader;
  #listener: BytesListener | null = null;
  #task: { readonly key: string; readonly task: Promise<TaskRun> } | null = null;
  #directory: { readonly key: string; readonly directory: Promise<ModelDirectory> } | null = null;

  constructor(options: Pick<ReaderOptions, "isCached" | "keptModel">) {
    const reader = sessionReader({ ...options, onDownload: (...bytes) => this.#listener?.("download", ...bytes) });
    const model: JobReader["model"] = async (source) =>
      countingReads(await this.#open(source, reader), (...bytes) => this.#listener?.("weights", ...bytes));
    this.#reader = { ...reader, model };
  }

  /**
   * Model's configuration and data of a job; nothing of the weights.
   *
   * @param listener told from now on of all bytes that are read; without it, who is told stays
   */
  async prepare(job: FineTuneJob, listener?: BytesListener | null): Promise<TaskRun> {
    checkJob(job);
    if (listener !== undefined) this.#listener = listener;
    const key = readingKey(job);
    if (this.#task?.key !== key) this.#task = { key, task: prepareJob(job, this.#reader) };
    const asked = this.#task;
    try {
      return { ...(await asked.task), job, settings: fullSettings(job.settings) };
    } catch (error) {
      if (this.#task === asked) this.#task = null;
      throw error;
    }
  }

  /** Tells nobody of bytes any more. */
  quiet(): void {
    this.#listener = null;
  }

  /** Asks anew for everything: a request that was given up may never be answered. */
  drop(): void {
    this.#task = null;
    this.#directory = null;
  }

  async model(source: ModelSource): Promise<ModelDirectory> {
    checkSource("model", source);
    return this.#reader.model(source);
  }

  /** Opens a model's directory; of what is far away the last one stays open, since the Hub is asked for each. */
  async #open(source: ModelSource, reader: JobReader): Promise<ModelDirectory> {
    if (source.kind !== "url" && source.kind !== "hub") return reader.model(source);
    const key = JSON.stringify(source);
    if (this.#directory?.key !== key) this.#directory = { key, directory: reader.model(source) };
    const asked = this.#directory;
    try {
      return await asked.directory;
    } catch (error) {
      if (this.#directory === asked) this.#directory = null;
      throw error;
    }
  }
}
