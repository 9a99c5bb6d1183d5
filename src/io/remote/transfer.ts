import type { ByteProgress } from "./progress.ts";

/** How files are fetched. */
export interface TransferOptions {
  /** Instead of the global `fetch`: to add headers, to go through a proxy. */
  readonly fetch?: typeof globalThis.fetch;
  /** Headers of every request, such as `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends transfers: what is waited for rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ByteProgress) => void;
  /** How often a request is made anew in a row, without a byte in between, when network or server fail. Default 4. */
  readonly retries?: number;
  /** Milliseconds before the first new attempt; each further one waits twice as long. Default 500. */
  readonly retryDelay?: number;
  /** Milliseconds without a byte after which a connection counts as broken. Default 30,000. */
  readonly stallTimeout?: number;
}

/** A file that could not be fetched. The message names the address and what can be done. */
export class TransferError extends Error {
  override name = "TransferError";

  constructor(
    readonly url: string,
    problem: string,
    /** The HTTP status, where there was an answer. */
    readonly status?: number,
    options?: ErrorOptions,
  ) {
    super(`${shownUrl(url)}: ${problem}`, options);
  }
}

/** What may pass by itself: a cut connection, a server that is busy. */
export class PassingError extends TransferError {
  /** Milliseconds that the server asks to wait. */
  retryAfter = 0;
}

/** An address for messages: without the query, which may hold a key. */
export function shownUrl(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

const RETRIES = 4;
const LONGEST_WAIT = 60_000;

/** Counts attempts that failed in a row and waits between them. */
export class Retries {
  #failed = 0;

  constructor(private readonly options: TransferOptions) {}

  /** Something has arrived: the count starts anew. */
  succeed(): void {
    this.#failed = 0;
  }

  /** Returns when it is time for another attempt. @throws the error when it will not pass, or has not too often. */
  async wait(error: unknown): Promise<void> {
    const { retries = RETRIES, retryDelay = 500, signal } = this.options;
    signal?.throwIfAborted();
    if (!(error instanceof PassingError) || this.#failed >= retries) throw error;
    const backoff = retryDelay * 2 ** this.#failed++;
    await sleep(Math.min(LONGEST_WAIT, Math.max(backoff, error.retryAfter)), signal);
  }
}

/** Attempts without any answer after which it is asked whether the server answers others. */
const ATTEMPTS_UNANSWERED = 3;

/** Whether `count` attempts have failed and none had an answer. */
const areUnanswered = (failures: readonly PassingError[], count: number): boolean =>
  failures.length === count && failures.every(({ status }) => status === undefined);

/** Whether the next attempt is the last before a server is taken for one that does not want this page. */
export const isLastResort = (failures: readonly PassingError[]): boolean =>
  areUnanswered(failures, ATTEMPTS_UNANSWERED - 1);

/**
 * Does work until it succeeds or fails for good.
 * @param work is told of the attempts that failed.
 */
export async function retrying<T>(
  options: TransferOptions,
  work: (failures: readonly PassingError[]) => Promise<T>,
): Promise<T> {
  const retries = new Retries(options);
  const failures: PassingError[] = [];
  while (true) {
    try {
      return await work(failures);
    } catch (error) {
      if (error instanceof PassingError) {
        failures.push(error);
        const count = Math.min(ATTEMPTS_UNANSWERED, (options.retries ?? RETRIES) + 1);
        if (areUnanswered(failures, count)) await assertAllowed(error, options);
      }
      await retries.wait(error);
    }
  }
}

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** An answer and its body, read by pieces. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The next bytes of the body; undefined at its end. @throws PassingError when the connection breaks or stalls. */
  next(): Promise<Uint8Array | undefined>;
  /** Gives up the rest of the body. */
  cancel(): void;
}

/**
 * One request, without a new attempt.
 * @throws PassingError for a network error and a status that may pass (408, 425, 429, 5xx); the signal's reason.
 */
export async function request(url: string, init: RequestInit, options: TransferOptions): Promise<Answer> {
  const { fetch = globalThis.fetch, headers, signal, stallTimeout = 30_000 } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const release = () => signal?.removeEventListener("abort", abort);
  /** Waits for something of the connection, at most as long as it may stall. */
  const attend = async <T>(work: Promise<T>): Promise<T> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stalled = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no byte arrived for ${stallTimeout / 1000} s`)), stallTimeout);
    });
    try {
      return await Promise.race([work, stalled]);
    } catch (error) {
      release();
      signal?.throwIfAborted();
      controller.abort();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };

  let response: Response;
  try {
    response = await attend(
      fetch(url, { ...init, headers: { ...headers, ...init.headers }, signal: controller.signal }),
    );
  } catch (error) {
    signal?.throwIfAborted();
    const isOffline = globalThis.navigator?.onLine === false;
    const problem = isOffline ? "there is no network connection" : `the server cannot be reached (${why(error)})`;
    throw new PassingError(url, problem, undefined, { cause: error });
  }
  if (response.status >= 500 || [408, 425, 429].includes(response.status)) {
    release();
    controller.abort();
    const error = new PassingError(url, `the server fails (HTTP ${response.status}); try again later`, response.status);
    error.retryAfter = secondsToWait(response.headers.get("retry-after")) * 1000;
    throw error;
  }
  const reader = response.body?.getReader();
  return {
    status: response.status,
    headers: response.headers,
    async next() {
      try {
        const { value } = (await (reader && attend(reader.read()))) ?? {};
        if (!value) release();
        return value;
      } catch (error) {
        signal?.throwIfAborted();
        throw new PassingError(url, `the connection broke (${why(error)})`, response.status, { cause: error });
      }
    },
    cancel() {
      release();
      reader?.cancel().catch(() => {});
      controller.abort();
    },
  };
}

/** The whole body of an answer. */
export async function readAll(answer: Answer, onBytes: (bytes: number) => void = () => {}): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let part = await answer.next(); part; part = await answer.next()) {
    parts.push(part as Uint8Array<ArrayBuffer>);
    onBytes(part.length);
  }
  return new Blob(parts);
}

/**
 * A network error hides its cause from a page. That a request gets through whose answer the page may not see tells that
 * the server is there and does not allow the page to read it.
 */
async function assertAllowed(error: PassingError, options: TransferOptions): Promise<void> {
  const { fetch = globalThis.fetch } = options;
  const { url } = error;
  const origin = globalThis.location?.origin;
  if (!origin || origin === "null" || new URL(url).origin === origin) return;
  const probe = fetch(url, { method: "HEAD", mode: "no-cors", signal: AbortSignal.timeout(5000) });
  const isThere = await probe.then(
    ({ type }) => type === "opaque",
    () => false,
  );
  if (!isThere) return;
  const problem =
    "the server answers, but does not allow this page to read it. It has to send the header " +
    "Access-Control-Allow-Origin (CORS); or take the file from this page's own server, or drop it into the page";
  throw new TransferError(url, problem, undefined, { cause: error });
}

/** "fetch failed" of Node says nothing; its cause does, which has a code alone where several addresses were tried. */
export function why(error: unknown): string {
  const { message, cause } = error as Error;
  return (cause instanceof Error && (cause.message || (cause as Error & { code?: string }).code)) || message;
}

/** Seconds of a `Retry-After` header, which holds them or a date. */
function secondsToWait(header: string | null): number {
  if (!header) return 0;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}

/**
 * Refuses an answer that is not the file.
 * @throws TransferError that says what the status means.
 */
export function assertAnswered(url: string, answer: Pick<Answer, "status" | "headers">): void {
  const { status } = answer;
  const refuse = (problem: string): never => {
    throw new TransferError(url, problem, status);
  };
  if (status === 404 || status === 410) refuse(`there is no such file (HTTP ${status}); check the address`);
  if (status === 401 || status === 403) {
    refuse(`access is refused (HTTP ${status}): the file is private or gated, or the address has expired`);
  }
  if (status !== 200 && status !== 206) refuse(`the server does not give the file (HTTP ${status})`);
  if (isPageInstead(url, answer.headers)) {
    refuse(
      "the server sent an HTML page instead of the file; check the address: many servers answer so for what is not there",
    );
  }
}

/** Servers of single pages answer with their page for whatever is not there. */
export function isPageInstead(url: string, headers: Headers): boolean {
  return /^text\/html\b/i.test(headers.get("content-type") ?? "") && !/\.html?$/i.test(new URL(url).pathname);
}
