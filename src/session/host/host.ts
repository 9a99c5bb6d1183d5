import { renderReport } from "../../finetune/report.ts";
import { OpfsDirectory } from "../../io/browser/index.ts";
import { StorageFullError } from "../../io/remote/store.ts";
import { checkParts } from "../../jobs/check.ts";
import { commandOf, type FineTuneJob, JobError } from "../../jobs/index.ts";
import { planTask } from "../../jobs/training/planning.ts";
import { reportOf } from "../../jobs/training/report.ts";
import { asking, takeSamples } from "../../jobs/training/samples.ts";
import type { Calls } from "../messages.ts";
import type { Handlers, Send } from "../serve.ts";
import type { RunFolder, SavedModel, SessionEvent } from "../types.ts";
import { describeData, inspectJob, inspectModel } from "./describe.ts";
import { Device, type OpenGpu } from "./device.ts";
import { alone, isHeld, untilFree } from "./folder-lock.ts";
import { BlobFolder, MemoryFolder } from "./folders.ts";
import { KeptRun } from "./kept-run.ts";
import { LOST_WITH_DEVICE, Models } from "./models.ts";
import { Run } from "./run.ts";
import { Sources } from "./sources.ts";
import { unlessAborted } from "./unless-aborted.ts";

export interface HostOptions {
  readonly openGpu?: OpenGpu;
  /** Where the run is kept, instead of the folder that is asked for by name. */
  readonly folder?: RunFolder;
}

/** What is there once the session is open. */
interface Opened {
  readonly device: Device;
  readonly kept: KeptRun;
  readonly sources: Sources;
  readonly models: Models;
  /** Name of the lock that a run holds; null where nobody else can have the folder. */
  readonly lock: string | null;
}

/** The working end of a session: one job at a time, and what is asked meanwhile. */
export class SessionHost {
  #opened: Opened | null = null;
  #run: Run | null = null;
  /** The run under way, or the last one. */
  #last: Run | null = null;
  #ended: Promise<void> = Promise.resolve();
  /** What is asked while no job runs, one after another. */
  #asked: Promise<unknown> = Promise.resolve();
  readonly #closing = new AbortController();
  #settingNames: Readonly<Record<string, string>> = {};

  constructor(private readonly options: HostOptions = {}) {}

  readonly handlers: Handlers = {
    open: (options) => this.#open(options),
    inspect: async (model, job) => {
      const { device, sources } = this.#session;
      const gpu = await device.get();
      if (job?.task === undefined || job.data === undefined) {
        return inspectModel(await sources.model(model), job?.task, gpu);
      }
      return inspectJob(await sources.prepare({ ...(job as FineTuneJob), model }), gpu);
    },
    describeData: async (job) => describeData(await this.#session.sources.prepare(job)),
    plan: async (job) => {
      const { device, sources } = this.#session;
      return (await planTask(await sources.prepare(job), await device.get())).plan;
    },
    start: async (send, signal, job) => {
      checkParts(job); // no job at all would mean the one that was kept
      await this.#begin(send, signal, job);
    },
    pickUp: (send, signal) => this.#begin(send, signal, null),
    pause: async () => this.#run?.gate.hold(),
    resume: async () => this.#run?.gate.release(),
    cancel: async () => {
      this.#run?.cancel();
      await this.#ended.catch(() => {});
    },
    predict: (request) => this.#between(() => this.#session.models.predict(request)),
    evaluate: (request) => this.#between(() => this.#session.models.evaluate(request)),
    generate: (send, signal, request) =>
      this.#between(() => this.#session.models.generate(request, (text) => send(text), signal)),
    save: () => this.#between(() => this.#save()),
    stored: async () => {
      const { kept, lock } = this.#session;
      const run = await kept.describe();
      return run && { ...run, isElsewhere: this.#run === null && (await isHeld(lock)) };
    },
    untilFree: async () => {
      if (!this.#run) await untilFree(this.#session.lock, this.#closing.signal);
    },
    forget: async () => {
      if (this.#run) throw new Error("forget: the run is still under way; cancel it first");
      const { lock, kept } = this.#session;
      await alone(lock, this.#closing.signal, () => kept.forget());
    },
    close: () => this.#close(),
  };

  /** An error's message, with the settings called as the page calls them. */
  readonly wordsOf = (error: Error): string =>
    error instanceof JobError ? error.messageWith((name) => this.#settingNames[name] ?? name) : error.message;

  get #session(): Opened {
    if (!this.#opened || this.#closing.signal.aborted) throw new Error("the session is closed");
    return this.#opened;
  }

  async #open(options: Parameters<Calls["open"]>[0]): Promise<ReturnType<Calls["open"]>> {
    const { gpu, storage, cache, settingNames = {} } = options;
    this.#settingNames = settingNames;
    const device = new Device(gpu, this.options.openGpu);
    const { adapter } = await device.get();
    const isStored = storage !== false && !this.options.folder;
    const folder = await this.#openFolder(storage).catch((error: unknown) => {
      // A run looks for room once more when it begins, and says that it is not kept where there is none.
      if (error instanceof StorageFullError) return new MemoryFolder();
      device.close();
      throw error;
    });
    const kept = new KeptRun(folder, () => this.#openFolder(storage));
    const sources = new Sources({
      isCached: cache ?? isStored,
      keptModel: (name) => kept.model(name),
    });
    const models = new Models({
      ...{ device, sources },
      trained: () => this.#last?.trained ?? null,
      job: () => this.#last?.job ?? null,
    });
    this.#opened = { device, kept, sources, models, lock: isStored ? `graft/run/${storage}` : null };
    return { adapter };
  }

  async #openFolder(storage: string | false): Promise<RunFolder> {
    if (this.options.folder) return this.options.folder;
    return storage === false ? new MemoryFolder() : OpfsDirectory.open(storage, { create: true });
  }

  /** Starts a job, or goes on with the one that was kept. */
  async #begin(send: Send<SessionEvent>, signal: AbortSignal, job: FineTuneJob | null): Promise<void> {
    const { kept, models, device, sources, lock } = this.#session;
    if (this.#run) throw new Error("a run is under way; cancel it, or wait for its end, before another is started");
    const prepare = sources.prepare.bind(sources);
    const run = new Run({ device, kept, prepare, send });
    // From here on it can be held and cancelled, whatever has to be read and waited for first.
    this.#run = run;
    const leave = (): void => run.cancel();
    signal.addEventListener("abort", leave, { once: true });
    // A job that cannot be read leaves what there was before.
    const begin = async (): Promise<void> => {
      const own = job ?? (await kept.job());
      if (!own) throw new Error("there is no run that was kept");
      await unlessAborted(prepare(own, run.tellBytes), run.signal);
      this.#last?.release();
      models.release();
      run.job = own;
      this.#last = run;
      if (job) await run.begin(own);
    };
    const work = async (): Promise<void> => {
      await unlessAborted(this.#asked, run.signal).catch(() => {});
      await run.execute(job === null, begin);
    };
    this.#ended = alone(lock, run.signal, work).catch(async (error: unknown) => {
      if (run.isBegun || !run.signal.aborted) throw error;
      await run.tellCancelled();
    });
    try {
      await this.#ended;
    } finally {
      signal.removeEventListener("abort", leave);
      this.#run = null;
      sources.quiet();
      if (!run.trained) sources.drop();
      for (const left of run.gate.close()) void this.#between(left);
    }
  }

  /** Does something with models where it does not come into the way of a run. */
  #between<T>(work: () => Promise<T>): Promise<T> {
    // What cannot be answered for now, for want of a network for instance, does not keep the session open.
    const asked = async (): Promise<T> => unlessAborted(work(), this.#closing.signal);
    if (this.#run) return this.#run.gate.do(asked);
    const result = this.#asked.then(asked);
    this.#asked = result.catch(() => {});
    return result;
  }

  async #save(): Promise<SavedModel> {
    const run = this.#last;
    if (!run?.trained) throw new Error("there is no trained model yet: start a job first");
    if (this.#run) throw new Error("the model is still being trained; it can be saved when the run has ended");
    const { task, model, shown, log } = run.trained;
    if (model.gpu.isLost) throw new Error(LOST_WITH_DEVICE);
    const folder = new BlobFolder();
    await task.save(folder, model);
    const samples = await takeSamples(task, asking(task, model), this.#session.models.askingBefore(run.job!));
    await folder.writeText("report.html", renderReport(reportOf(task, log.recorded(), shown, model.gpu, samples)));
    return { files: folder.files, command: commandOf(pinned(run.job!, task.folder.directory.version)) };
  }

  async #close(): Promise<void> {
    if (!this.#opened) return;
    const { models, device } = this.#opened;
    this.#closing.abort(new Error("the session is closed"));
    this.#run?.cancel();
    await this.#ended.catch(() => {});
    await this.#asked;
    this.#last?.release();
    models.release();
    device.end();
    this.#opened = null;
  }
}

/** The job with the commit that its model of the Hub was of: by then its branch may be elsewhere. */
function pinned(job: FineTuneJob, commit: string | undefined): FineTuneJob {
  return job.model.kind === "hub" && commit ? { ...job, model: { ...job.model, revision: commit } } : job;
}
