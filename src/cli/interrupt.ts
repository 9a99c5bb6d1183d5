import type { Interruptible } from "./context.ts";

/** The parts of `process` that interrupts are about. */
export interface SignalSource {
  on(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  off(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  exit(code: number): void;
}

/** Exit code of a process that Ctrl-C ended: 128 + SIGINT. */
const INTERRUPTED = 130;

/** Hands Ctrl-C to the work in progress, so that it can end cleanly and save what it has. */
export class Interrupts {
  readonly #open = new Set<AbortController>();

  constructor(private readonly source: SignalSource) {}

  /** Until the result is disposed, the first Ctrl-C (or SIGTERM) aborts its signal and a second one ends the process. */
  open(): Interruptible {
    const { source } = this;
    const controller = new AbortController();
    const onSignal = () => {
      if (controller.signal.aborted) source.exit(INTERRUPTED);
      else controller.abort();
    };
    const close = () => {
      this.#open.delete(controller);
      source.off("SIGINT", onSignal);
      source.off("SIGTERM", onSignal);
    };
    this.#open.add(controller);
    source.on("SIGINT", onSignal);
    source.on("SIGTERM", onSignal);
    return { signal: controller.signal, [Symbol.dispose]: close };
  }

  /** Ends the work in progress as Ctrl-C does. False when there is none that could be ended cleanly. */
  abort(): boolean {
    for (const controller of this.#open) controller.abort();
    return this.#open.size > 0;
  }
}
