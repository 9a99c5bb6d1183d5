import type { ModelDirectory } from "../../io/index.ts";
import { type FineTuneJob, fullSettings, type ModelSource } from "../../jobs/index.ts";
import { checkJob, prepareJob } from "../../jobs/tasks/prepare.ts";
import type { JobReader, TaskRun } from "../../jobs/tasks/task-run.ts";
import { countingReads } from "./folders.ts";
import { type ReaderOptions, readingKey, sessionReader } from "./reader.ts";
import type { BytesListener } from "./run.ts";

/** Who is told of bytes now; another asks for the same data later. */
interface Listening {
  current: BytesListener | null;
}

interface Prepared {
  readonly key: string;
  readonly task: Promise<TaskRun>;
  readonly listening: Listening;
}

/** Reads models and data, the newest job's only once: a page asks of one job again and again while it is put together. */
export class Sources {
  #last: Prepared | null = null;

  constructor(private readonly options: Pick<ReaderOptions, "isCached" | "keptModel">) {}

  /**
   * Model's configuration and data of a job; nothing of the weights.
   *
   * @param listener told from now on of bytes that are read for jobs with the same data; who is told stays without it
   */
  async prepare(job: FineTuneJob, listener?: BytesListener | null, signal?: AbortSignal): Promise<TaskRun> {
    checkJob(job);
    const key = readingKey(job);
    if (this.#last?.key !== key) {
      const listening: Listening = { current: listener ?? null };
      const task = prepareJob(job, this.#reader(listening, signal));
      this.#last = { key, task, listening };
    }
    const prepared = this.#last;
    if (listener !== undefined) prepared.listening.current = listener;
    try {
      const task = await prepared.task;
      return { ...task, job, settings: fullSettings(job.settings) };
    } catch (error) {
      if (this.#last === prepared) this.#last = null;
      throw error;
    }
  }

  model(source: ModelSource): Promise<ModelDirectory> {
    return this.#reader({ current: null }).model(source);
  }

  #reader(listening: Listening, signal?: AbortSignal): JobReader {
    const onDownload: ReaderOptions["onDownload"] = (...bytes) => listening.current?.("download", ...bytes);
    const reader = sessionReader({ ...this.options, signal, onDownload });
    const model: JobReader["model"] = async (source) =>
      countingReads(await reader.model(source), (...bytes) => listening.current?.("weights", ...bytes));
    return { ...reader, model };
  }
}
