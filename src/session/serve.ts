import { messageOfError, type Port } from "./connection.ts";
import type { CallName, Calls, Request, Response, StreamName, Streams } from "./messages.ts";

/** Sends a piece; a promise where the reader has fallen behind, to be awaited before the next. */
export type Send<T> = (piece: T) => Promise<void> | undefined;

/** What answers requests. `signal` is aborted when nobody reads a stream any more. */
export type Handlers = {
  readonly [N in CallName]: (...args: Parameters<Calls[N]>) => Promise<ReturnType<Calls[N]>>;
} & {
  readonly [N in StreamName]: (
    send: Send<ReturnType<Streams[N]>>,
    signal: AbortSignal,
    ...args: Parameters<Streams[N]>
  ) => Promise<void>;
};

/** Pieces that may be on their way, or wait to be read, before the sender waits too. */
const WINDOW = 64;

/** Answers the requests that come through a port. `wordsOf` gives an error's message as the other end is to read it. */
export function serve(port: Port, handlers: Handlers, wordsOf = (error: Error): string => error.message): void {
  const streams = new Map<number, Outgoing>();
  const post = (response: Response): void => port.postMessage(response);
  const answer = async (id: number, work: () => Promise<Response>): Promise<void> => {
    let response: Response;
    try {
      response = await work();
    } catch (error) {
      const message = messageOfError(error);
      response = {
        type: "error",
        id,
        error: error instanceof Error ? { ...message, message: wordsOf(error) } : message,
      };
    }
    streams.delete(id);
    try {
      post(response);
    } catch (error) {
      post({ type: "error", id, error: messageOfError(error) });
    }
  };
  port.onmessage = ({ data }) => {
    const request = data as Request;
    const { id } = request;
    if (request.type === "taken") streams.get(id)?.taken(request.count);
    else if (request.type === "leave") streams.get(id)?.leave();
    else if (request.type === "call") {
      const handler = handlers[request.name] as (...args: readonly unknown[]) => Promise<unknown>;
      void answer(id, async () => ({ type: "result", id, result: await handler(...request.args) }));
    } else {
      const outgoing = new Outgoing((piece) => post({ type: "piece", id, piece }));
      streams.set(id, outgoing);
      const handler = handlers[request.name] as (
        send: Send<unknown>,
        signal: AbortSignal,
        ...args: readonly unknown[]
      ) => Promise<void>;
      void answer(id, async () => {
        await handler(outgoing.send, outgoing.signal, ...request.args);
        return { type: "end", id };
      });
    }
  };
}

/** A stream's sending end. */
class Outgoing {
  readonly #left = new AbortController();
  #ahead = 0;
  #resume: (() => void) | null = null;

  constructor(private readonly post: (piece: unknown) => void) {}

  get signal(): AbortSignal {
    return this.#left.signal;
  }

  readonly send: Send<unknown> = (piece) => {
    if (this.signal.aborted) return undefined;
    this.post(piece);
    if (++this.#ahead < WINDOW) return undefined;
    return new Promise((resolve) => {
      const before = this.#resume;
      this.#resume = () => {
        before?.();
        resolve();
      };
    });
  };

  taken(count: number): void {
    this.#ahead -= count;
    if (this.#ahead < WINDOW) this.#continue();
  }

  leave(): void {
    this.#left.abort();
    this.#continue();
  }

  #continue(): void {
    this.#resume?.();
    this.#resume = null;
  }
}
