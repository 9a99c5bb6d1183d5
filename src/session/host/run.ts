import type { EndEvent } from "../../finetune/index.ts";
import { refuse } from "../../finetune/plan/plan.ts";
import type { Settings } from "../../finetune/report.ts";
import type { Gpu } from "../../gpu/index.ts";
import type { FineTuneJob } from "../../jobs/index.ts";
import type { TaskRun } from "../../jobs/tasks/task-run.ts";
import { planTask } from "../../jobs/training/planning.ts";
import { shownSettings } from "../../jobs/training/report.ts";
import { stepsInCheckpoint, trainTask } from "../../jobs/training/run.ts";
import { makeTrainable } from "../../jobs/training/trainable.ts";
import type { StagedModel } from "../../models/index.ts";
import { mergeLora } from "../../nn/index.ts";
import type { Send } from "../serve.ts";
import type { SessionEvent } from "../types.ts";
import type { Device } from "./device.ts";
import { EventLog } from "./event-log.ts";
import { Gate } from "./gate.ts";
import { type KeptRun, NotKeptError } from "./kept-run.ts";
import type { BytesListener } from "./sources.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** Devices lost one after another without a step being kept between, before the run is given up. */
const MOST_LOSSES = 3;
/** Attempts to have a device after a loss: a browser whose process for it ended needs a moment to start another. */
const MOST_OPENINGS = 5;
/** Before the second of these, in milliseconds; before each further one so much more. */
const OPENING_DELAY = 200;
/** Least time between two checkpoints that nothing asks for, in milliseconds. */
const KEEP_EVERY = 5_000;
/** Checkpoints take at most this share of the time. */
const KEEP_SHARE = 0.05;
/** Least time between two events of one kind about bytes, in milliseconds. */
const BYTES_EVERY = 50;

export interface RunParts {
  readonly device: Device;
  readonly kept: KeptRun;
  /** Reads what the job needs; told of the bytes as they come. */
  prepare(job: FineTuneJob, listener: BytesListener): Promise<TaskRun>;
  readonly send: Send<SessionEvent>;
}

/** A model that is being trained or was, with all that is to be known of it. */
export interface TrainedModel {
  readonly task: TaskRun;
  readonly model: StagedModel<unknown, unknown>;
  readonly shown: Settings;
  readonly log: EventLog;
}

/** One job, from its start to its end, across losses of the device. */
export class Run {
  readonly gate: Gate;
  readonly #cancelling = new AbortController();
  readonly #log = new EventLog();
  /** What is trained; null until it has been read. */
  job: FineTuneJob | null = null;
  /** The model while it is trained, and after the end. */
  trained: TrainedModel | null = null;
  #lastKept = performance.now();
  #keepTook = 0;
  #keptStep = -1;
  #losses = 0;
  #stepAtLoss = -1;
  #lastBytes = 0;
  /** Whether the job is written down, without which nothing can be picked up; and whether it was told that something is not. */
  #isJobKept = true;
  #isNotKeptTold = false;
  #isBegun = false;
  #isHistoryTold = false;

  constructor(private readonly parts: RunParts) {
    const { send } = parts;
    this.gate = new Gate({
      signal: this.signal,
      isKeepDue: () => this.#isKeepDue(),
      onKept: async (event, milliseconds) => {
        this.#keepTook = milliseconds;
        this.#noteKept();
        this.#log.add(event);
        await send(event);
      },
      onHeld: (event) =>
        send({
          ...{ type: "paused", step: this.#log.step },
          isKept: event !== null && this.#isJobKept && parts.kept.outlasts,
        }),
      onGoingOn: () => send({ type: "resumed", step: this.#log.step }),
    });
  }

  get signal(): AbortSignal {
    return this.#cancelling.signal;
  }

  /** Whether it was executed, which tells how it ends. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  cancel(): void {
    this.#cancelling.abort();
  }

  /** Writes the job down, in place of the run that was kept before. Where there is no room for it the run goes on without. */
  async begin(job: FineTuneJob): Promise<void> {
    try {
      await this.parts.kept.begin(job, (file, loaded, total) => this.tellBytes("download", file, loaded, total));
    } catch (error) {
      if (this.signal.aborted) throw error;
      this.#isJobKept = false;
      await this.#tellNotKept(error);
    }
  }

  /**
   * Runs to the end.
   *
   * @param isPickedUp goes on from what was kept, and tells its history first
   * @param begin reads the job, and makes ready what the run is kept in
   */
  async execute(isPickedUp: boolean, begin: () => Promise<void>): Promise<void> {
    const { device, kept, send } = this.parts;
    this.#isBegun = true;
    this.#isHistoryTold = !isPickedUp;
    try {
      await begin();
    } catch (error) {
      if (!this.signal.aborted) throw error;
      return await this.tellCancelled();
    }
    if (isPickedUp) for (const event of (await kept.events())?.events ?? []) this.#log.add(event);
    let goesOn = isPickedUp;
    for (let isRecovering = false; ; isRecovering = true) {
      try {
        await this.#attempt(goesOn, isRecovering);
        return;
      } catch (error) {
        if (this.signal.aborted && this.trained === null) {
          await this.#keepEvents("cancelled");
          return await this.tellCancelled();
        }
        const lost = await device.lossBehind(error);
        if (!lost) {
          this.release();
          throw error;
        }
        this.#losses = this.#keptStep > this.#stepAtLoss ? 1 : this.#losses + 1;
        this.#stepAtLoss = this.#keptStep;
        this.release();
        device.close();
        await send({ type: "device-lost", step: this.#log.step, message: lost.message });
        if (this.#losses >= MOST_LOSSES) {
          throw this.#givenUp(`was lost ${this.#losses} times without the run getting on between`, lost);
        }
        goesOn = await kept.hasCheckpoint();
        if (!goesOn) this.#log.goBackTo(0);
      }
    }
  }

  /** Another device after a loss, as soon as the browser gives one. */
  async #reopen(): Promise<Gpu> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.parts.device.get();
      } catch (error) {
        this.signal.throwIfAborted();
        if (tries === MOST_OPENINGS) throw this.#givenUp("was lost, and there is no other", error as Error);
        await pause(tries * OPENING_DELAY);
      }
    }
  }

  #givenUp(what: string, cause: Error): Error {
    const place = `it ends here, and can be picked up from step ${Math.max(this.#keptStep, 0)}`;
    return new Error(`the GPU device ${what}; ${place} (${cause.message})`, { cause });
  }

  async #attempt(goesOn: boolean, isRecovering: boolean): Promise<void> {
    const { device, kept, prepare, send } = this.parts;
    const { signal } = this;
    const gpu = isRecovering ? await this.#reopen() : await device.get();
    if (isRecovering) {
      await send({ type: "recovered", step: goesOn ? Math.max(this.#keptStep, 0) : 0, adapter: gpu.adapter.name });
    }
    const task = await unlessAborted(prepare(this.job!, this.tellBytes), signal);
    const from = goesOn ? await stepsInCheckpoint(kept.folder) : null;
    if (goesOn) this.#log.goBackTo(from ?? 0);
    if (from !== null) this.#keptStep = from;
    if (!this.#isHistoryTold) {
      this.#isHistoryTold = true;
      await send({ type: "history", step: from ?? 0, events: this.#log.events });
    }
    const { plan, kernels } = await unlessAborted(planTask(task, gpu), signal);
    await send({ type: "plan", plan });
    if (!plan.fits) refuse(plan);
    // Kernels are compiled while the weights are read.
    const compiled = gpu.warmUp(kernels, (done, total) => void send({ type: "compile", done, total }));
    const [trainable] = await unlessAborted(Promise.all([makeTrainable(task, gpu), compiled]), signal, ([late]) => {
      late.optimizer.dispose();
      late.model.dispose();
    });
    const { model, optimizer } = trainable;
    const shown = shownSettings(task, trainable);
    this.trained = { task, model, shown, log: this.#log };
    let ended: EndEvent["reason"] | null = null;
    try {
      const run = trainTask(task, trainable, {
        ...{ signal, shown, between: this.gate.between, onCheckpointFailure: (error) => this.#tellNotKept(error) },
        checkpoint: kept.checkpoints(this.#log),
        resume: from === null ? undefined : kept.folder,
      });
      for await (const event of run) {
        this.#log.add(event);
        if (event.type === "checkpoint") this.#noteKept();
        if (event.type === "end") ended = event.reason;
        await send(event);
      }
    } finally {
      optimizer.dispose();
    }
    mergeLora(model);
    await this.#keepEvents(ended);
  }

  /** A run that is cancelled before its first step ends like any other. */
  async tellCancelled(): Promise<void> {
    await this.parts.send({
      ...{ type: "end", reason: "cancelled", steps: this.#log.step, seconds: 0, tokens: 0, peakBytes: 0 },
      ...{ bestStep: null, evaluation: null },
    });
  }

  /** Gives the model back. */
  release(): void {
    this.trained?.model.dispose();
    this.trained = null;
  }

  readonly tellBytes: BytesListener = (what, file, loaded, total) => {
    this.signal.throwIfAborted();
    const now = performance.now();
    if (loaded < total && now - this.#lastBytes < BYTES_EVERY) return;
    this.#lastBytes = now;
    void this.parts.send({ type: "bytes", what, file, loaded, total });
  };

  async #keepEvents(ended: EndEvent["reason"] | null): Promise<void> {
    await this.parts.kept.keepEvents(this.#log, ended).catch((error) => this.#tellNotKept(error));
  }

  /** The run goes on without being kept, and says so once. @throws what is no matter of keeping. */
  async #tellNotKept(error: unknown): Promise<void> {
    if (!(error instanceof NotKeptError)) throw error;
    this.#lastKept = performance.now();
    if (this.#isNotKeptTold) return;
    this.#isNotKeptTold = true;
    const what = this.#isJobKept && this.#keptStep > 0 ? `what comes after step ${this.#keptStep}` : "it";
    const message = `The run goes on, but ${what} cannot be kept, and is lost with the page: ${error.message}.`;
    await this.parts.send({ type: "notice", message });
  }

  #isKeepDue(): boolean {
    const waited = performance.now() - this.#lastKept;
    return this.#log.step > this.#keptStep && waited > Math.max(KEEP_EVERY, this.#keepTook / KEEP_SHARE);
  }

  #noteKept(): void {
    this.#isNotKeptTold = false;
    this.#lastKept = performance.now();
    this.#keptStep = this.#log.step;
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
