/** Where a command writes to: a terminal, a pipe, or a test's memory. */
export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Width of the terminal in characters. */
  readonly columns: number;
}

/** A stretch of work that Ctrl-C ends cleanly. */
export interface Interruptible extends Disposable {
  /** Aborted at the first Ctrl-C, or when nobody reads the output any more. */
  readonly signal: AbortSignal;
}

/** What a command has of the world around it. */
export interface CommandContext {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /**
   * From now on, and until it is disposed, the first Ctrl-C aborts the signal instead of ending the process; a second
   * one ends it with exit code 130.
   */
  onInterrupt(): Interruptible;
}
