import type { CheckpointEvent } from "../../finetune/index.ts";
import { unlessAborted } from "./unless-aborted.ts";

type Keep = () => Promise<CheckpointEvent | null>;

export interface GateOptions {
  /** The run is cancelled: nothing is held any more. */
  readonly signal: AbortSignal;
  /** Told that the run is held, or goes on, and of a checkpoint that was written for it. */
  onHeld(kept: CheckpointEvent | null): Promise<void> | undefined;
  onGoingOn(): Promise<void> | undefined;
  /** @param milliseconds what it took */
  onKept(event: CheckpointEvent, milliseconds: number): Promise<void> | undefined;
  /** Whether it is time for a checkpoint. */
  isKeepDue(): boolean;
}

/** The stops of a run between its batches, where it may be held, other work be done, and a checkpoint be written. */
export class Gate {
  readonly #work: (() => Promise<void>)[] = [];
  #isHolding = false;
  #isHeld = false;
  #wake: (() => void) | null = null;
  readonly #waiters: (() => void)[] = [];

  constructor(private readonly options: GateOptions) {
    options.signal.addEventListener("abort", () => this.#continue(), { once: true });
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Holds the run at its next stop; resolves when it is held, or when it has ended before. */
  hold(): Promise<void> {
    this.#isHolding = true;
    if (this.#isHeld) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }

  release(): void {
    this.#isHolding = false;
    this.#continue();
  }

  /** Does something between two batches of the run. */
  do<T>(work: () => Promise<T>): Promise<T> {
    const result = new Promise<T>((resolve, reject) => {
      this.#work.push(() => work().then(resolve, reject));
    });
    this.#continue();
    return result;
  }

  /** What the trainer calls between batches; undefined where it may go on at once. */
  readonly between = (keep: Keep): Promise<void> | undefined =>
    this.#isHolding || this.#work.length > 0 || this.options.isKeepDue() ? this.#stop(keep) : undefined;

  /** The run has ended: who waits for it to be held waits no more. What was to be done meanwhile is given back. */
  close(): (() => Promise<void>)[] {
    for (const resolve of this.#waiters.splice(0)) resolve();
    return this.#work.splice(0);
  }

  async #stop(keep: Keep): Promise<void> {
    const { options } = this;
    await this.#doWork();
    if (!this.#isHolding) {
      if (options.isKeepDue()) await this.#keep(keep);
      return;
    }
    const kept = await this.#keep(keep);
    this.#isHeld = true;
    await options.onHeld(kept);
    for (const resolve of this.#waiters.splice(0)) resolve();
    while (this.#isHolding && !options.signal.aborted) {
      await this.#doWork();
      if (!this.#isHolding || options.signal.aborted) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#isHeld = false;
    if (!options.signal.aborted) await options.onGoingOn();
  }

  async #keep(keep: Keep): Promise<CheckpointEvent | null> {
    const begin = performance.now();
    const kept = await keep();
    if (kept) await this.options.onKept(kept, performance.now() - begin);
    return kept;
  }

  /** What is still to be done when the run is cancelled is not waited for, nor begun: the run's end may be awaited in turn. */
  async #doWork(): Promise<void> {
    const { signal } = this.options;
    while (this.#work.length > 0 && !signal.aborted) await unlessAborted(this.#work.shift()!(), signal).catch(() => {});
  }

  #continue(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
