import { WebGpuUnavailableError } from "../gpu/adapter/availability.ts";
import type { CallName, Calls, ErrorMessage, Request, Response, StreamName, Streams } from "./messages.ts";

/** What a worker and a message port have in common. */
export interface Port {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** The page's end of a session: asks, and hands answers to who asked. */
export class Connection {
  readonly #pending = new Map<number, Pending>();
  readonly #streams = new Map<number, PieceStream<unknown>>();
  #lastId = 0;
  #failure: Error | null = null;

  constructor(private readonly port: Port) {
    port.onmessage = ({ data }) => this.#take(data as Response);
  }

  call<N extends CallName>(name: N, ...args: Parameters<Calls[N]>): Promise<ReturnType<Calls[N]>> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#lastId;
    this.#letFlow();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: (result) => resolve(result as ReturnType<Calls[N]>), reject });
      this.#post({ type: "call", id, name, args }, id);
    });
  }

  stream<N extends StreamName>(name: N, ...args: Parameters<Streams[N]>): PieceStream<ReturnType<Streams[N]>> {
    if (this.#failure) throw this.#failure;
    const id = ++this.#lastId;
    this.#letFlow();
    const stream = new PieceStream<ReturnType<Streams[N]>>({
      onTaken: (count) => this.port.postMessage({ type: "taken", id, count } satisfies Request),
      onLeave: () => this.port.postMessage({ type: "leave", id } satisfies Request),
      isOtherAwaited: () => this.#pending.size > 0 || this.#streams.size > 1,
    });
    this.#streams.set(id, stream as PieceStream<unknown>);
    this.#post({ type: "stream", id, name, args }, id);
    return stream;
  }

  get hasFailed(): boolean {
    return this.#failure !== null;
  }

  /** Ends everything that is asked and will be. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    for (const stream of this.#streams.values()) stream.fail(error);
    this.#pending.clear();
    this.#streams.clear();
  }

  /**
   * Who waits for an answer may be reading a stream whose sender must get on before it can answer: what has arrived of all
   * streams counts as taken, and, as long as something is awaited, what arrives.
   */
  #letFlow(): void {
    for (const stream of this.#streams.values()) stream.takeAll();
  }

  /** What cannot be cloned is refused where it is sent. */
  #post(request: Request, id: number): void {
    try {
      this.port.postMessage(request);
    } catch (error) {
      this.#take({ type: "error", id, error: error as Error });
    }
  }

  #take(response: Response): void {
    const { id } = response;
    const pending = this.#pending.get(id);
    const stream = this.#streams.get(id);
    if (response.type === "piece") {
      stream?.push(response.piece);
      return;
    }
    this.#pending.delete(id);
    this.#streams.delete(id);
    if (response.type === "error") {
      const error = errorOf(response.error);
      pending?.reject(error);
      stream?.fail(error);
    } else if (response.type === "result") pending?.resolve(response.result);
    else stream?.end();
  }
}

/** An error of the worker in this thread, with its name, its message and where it was thrown. */
function errorOf({ name, message, stack, problem }: ErrorMessage): Error {
  if (problem) return new WebGpuUnavailableError(problem);
  const error = new Error(message);
  error.name = name;
  if (stack) error.stack = stack;
  return error;
}

/** What an error is on its way between threads. */
export function messageOfError(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, stack } = error;
  return { name, message, stack, ...(error instanceof WebGpuUnavailableError && { problem: error.problem }) };
}

export interface PieceListeners {
  /** Told that so many pieces were taken. */
  onTaken(count: number): void;
  /** Told that nobody reads any more. */
  onLeave(): void;
  /** Whether an answer to something else is awaited, for which the sender must not wait for the reader. */
  isOtherAwaited(): boolean;
}

/**
 * Pieces that another thread sends. It is told of each that was taken, and sends only a few ahead of that. Leaving the loop
 * tells it to end.
 */
export class PieceStream<T> implements AsyncIterable<T> {
  readonly #queue: T[] = [];
  /** Pieces in the queue, its newest, that do not count as taken yet. */
  #untaken = 0;
  #waiting: (() => void) | null = null;
  #isEnded = false;
  #error: Error | null = null;
  #isLeft = false;
  /** Whether pieces count as taken when they arrive, since somebody waits for the end and may not read them. */
  #isFlowing = false;
  /** Told of each piece as it arrives, and of the end. */
  onPiece: (piece: T) => void = () => {};
  onEnd: () => void = () => {};
  readonly #done: Promise<void>;
  #settle!: (error: Error | null) => void;

  constructor(private readonly listeners: PieceListeners) {
    this.#done = new Promise((resolve, reject) => {
      this.#settle = (error) => (error ? reject(error) : resolve());
    });
    // The loop over the pieces throws it as well.
    this.#done.catch(() => {});
  }

  /** Resolves at the end, whether the pieces are read or not. */
  get done(): Promise<void> {
    this.#isFlowing = true;
    this.takeAll();
    return this.#done;
  }

  /** Counts all that has arrived as taken. */
  takeAll(): void {
    if (this.#untaken > 0) this.listeners.onTaken(this.#untaken);
    this.#untaken = 0;
  }

  push(piece: T): void {
    this.onPiece(piece);
    if (this.#isLeft) return;
    this.#queue.push(piece);
    this.#untaken++;
    if (this.#isFlowing || this.listeners.isOtherAwaited()) this.takeAll();
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.onEnd();
    this.#settle(null);
    this.#wake();
  }

  fail(error: Error): void {
    this.#error = error;
    this.onEnd();
    this.#settle(error);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    try {
      for (;;) {
        while (this.#queue.length > 0) {
          const piece = this.#queue.shift() as T;
          if (this.#untaken > this.#queue.length) {
            this.#untaken--;
            this.listeners.onTaken(1);
          }
          yield piece;
        }
        if (this.#error) throw this.#error;
        if (this.#isEnded) return;
        await new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
      }
    } finally {
      const isOver = this.#isEnded || this.#error !== null;
      this.#isLeft = true;
      this.#queue.length = 0;
      this.#untaken = 0;
      if (!isOver) this.listeners.onLeave();
    }
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = null;
  }
}
