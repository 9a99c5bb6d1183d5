import { assertRange, type ByteSource, blobSource } from "../byte-source.ts";
import { Coverage, type FileProgress } from "./progress.ts";
import {
  type Answer,
  assertAnswered,
  isLastResort,
  PassingError,
  Retries,
  readAll,
  request,
  retrying,
  TransferError,
  type TransferOptions,
} from "./transfer.ts";

/** Bytes of the first request, and of one that follows no other. */
const FIRST_WINDOW = 1 << 18;
/** Largest request made ahead of what is asked for: each window in a row is twice the one before. */
const LARGEST_WINDOW = 1 << 24;
/** Bytes that are rather read past than asked around. */
const LARGEST_GAP = 1 << 20;

/** A body on its way: the bytes from `position` to `end` of the file are still to come out of it. */
interface Flow {
  readonly answer: Answer;
  /** Bytes that have arrived and were not taken. */
  rest: Uint8Array;
  position: number;
  readonly end: number;
}

/**
 * A file over HTTP, read by ranges. Reads that go forwards share a request: a window is asked for that grows as they go
 * on, its body is taken as it arrives, and what breaks is continued at the byte where it broke. Of a server without
 * ranges the whole file is taken in one pass, and a read backwards begins it anew.
 */
export class HttpFile implements ByteSource {
  readonly size: number;
  readonly version: string | undefined;
  private readonly hasRanges: boolean;
  #flow: Flow | undefined;
  #window = FIRST_WINDOW;
  /** End of the last window: one that goes on from there is in a row with it. */
  #windowEnd = 0;
  /** Where the last read ended. */
  #position = 0;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #coverage = new Coverage();
  #progress: FileProgress;
  #isClosed = false;

  /**
   * Asks for the first bytes, which tells the length and whether ranges are served.
   * @param begin begins the account of what arrives, with the file's length, or 0 where it is not known ahead.
   * @param name what errors call the file.
   * @throws TransferError naming the address when there is no such file, or it cannot be read in a page.
   */
  static async open(
    url: string,
    options: TransferOptions,
    begin: (size: number) => FileProgress,
    name: string,
  ): Promise<ByteSource> {
    const count = countOnce(begin);
    return retrying(options, async (failures) => {
      // Some servers compress what is asked for by range, which browsers refuse; some do not allow pages to ask so.
      const isWhole = isLastResort(failures);
      const asked: HeadersInit = isWhole ? {} : { Range: `bytes=0-${FIRST_WINDOW - 1}` };
      const answer = await request(url, { headers: asked }, options);
      try {
        const { headers, status } = answer;
        if (status === 416 && /\/0$/.test(headers.get("content-range") ?? "")) {
          answer.cancel();
          return blobSource(name, new Blob()); // nothing can be asked of an empty file
        }
        assertAnswered(url, answer);
        if (status === 206) {
          assertPlainRange(url, answer);
          const range = rangeOf(headers);
          if (range && range.start !== 0)
            throw new TransferError(url, "the server does not send the range asked for", status);
          const size = range?.size ?? (await sizeByHead(url, options));
          return new HttpFile(url, options, begin, name, answer, size, range?.end ?? Math.min(FIRST_WINDOW, size));
        }
        const length = headers.get("content-length");
        if (length !== null && isPlain(headers) && !isWhole) {
          return new HttpFile(url, options, begin, name, answer, Number(length), null);
        }
        // Compressed, or of unknown length: how many bytes there are is known when they have come.
        return { ...blobSource(name, await readAll(answer, count())), version: versionOf(headers) };
      } catch (error) {
        answer.cancel();
        throw error;
      }
    });
  }

  private constructor(
    private readonly url: string,
    private readonly options: TransferOptions,
    begin: (size: number) => FileProgress,
    readonly name: string,
    first: Answer,
    size: number,
    /** End of the range that came first; null of a server without ranges. */
    firstEnd: number | null,
  ) {
    this.size = size;
    this.version = versionOf(first.headers);
    this.hasRanges = firstEnd !== null;
    this.#windowEnd = firstEnd ?? size;
    this.#flow = { answer: first, rest: new Uint8Array(), position: 0, end: this.#windowEnd };
    this.#progress = begin(size);
  }

  read(start: number, end: number): Promise<Uint8Array> {
    const turn = this.#queue.then(() => this.#read(start, end));
    this.#queue = turn.catch(() => {});
    return turn;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stop();
    this.#progress.end();
  }

  async #read(start: number, end: number): Promise<Uint8Array> {
    assertRange(this.name, this.size, start, end);
    const bytes = new Uint8Array(end - start);
    const retries = new Retries(this.options);
    let done = 0;
    while (done < bytes.length) {
      try {
        this.#assertOpen();
        this.options.signal?.throwIfAborted();
        const flow = await this.#flowAt(start + done, bytes.length - done);
        const part = flow.rest.subarray(0, bytes.length - done);
        bytes.set(part, done);
        done += part.length;
        flow.position += part.length;
        flow.rest = flow.rest.subarray(part.length);
        this.#position = flow.position;
        retries.succeed();
      } catch (error) {
        this.#stop();
        await retries.wait(error);
      }
    }
    return bytes;
  }

  /** A flow whose next bytes are those at `position`, with some of them there. */
  async #flowAt(position: number, wanted: number): Promise<Flow> {
    const current = this.#flow;
    const gap = current ? position - current.position : -1;
    const reaches = current && gap >= 0 && position < current.end;
    const flow = reaches && (gap <= LARGEST_GAP || !this.hasRanges) ? current : await this.#ask(position, wanted);
    while (flow.position < position || flow.rest.length === 0) {
      const skipped = flow.rest.subarray(0, position - flow.position);
      flow.position += skipped.length;
      flow.rest = flow.rest.subarray(skipped.length);
      if (flow.rest.length === 0) await this.#take(flow);
    }
    return flow;
  }

  /** Waits for the next bytes of a flow. */
  async #take(flow: Flow): Promise<void> {
    const part = await flow.answer.next();
    if (!part) throw new PassingError(this.url, `the connection ended at byte ${flow.position} of ${this.size}`);
    const end = flow.position + part.length;
    if (end > this.size) {
      throw new TransferError(this.url, `the server sends more than the ${this.size} bytes that it announced`);
    }
    flow.rest = part;
    this.#progress.add(this.#coverage.add(flow.position, end));
  }

  /** Asks for a window that begins at `position`; without ranges, for everything. */
  async #ask(position: number, wanted: number): Promise<Flow> {
    this.#stop();
    const isNext = position >= this.#windowEnd && position - this.#windowEnd <= LARGEST_GAP;
    if (isNext) this.#window = Math.min(LARGEST_WINDOW, this.#window * 2);
    else if (position < this.#position) this.#window = FIRST_WINDOW;
    const end = this.hasRanges ? Math.min(this.size, position + Math.max(wanted, this.#window)) : this.size;
    const headers: HeadersInit = this.hasRanges ? { Range: `bytes=${position}-${end - 1}` } : {};
    const answer = await request(this.url, { headers }, this.options);
    try {
      this.#assertOpen();
      if (answer.status === 416) throw this.#changed(`${this.size} bytes`, "shorter");
      assertAnswered(this.url, answer);
      this.#assertSame(answer, position, end);
    } catch (error) {
      answer.cancel();
      throw error;
    }
    const isRange = answer.status === 206;
    this.#windowEnd = isRange ? (rangeOf(answer.headers)?.end ?? end) : this.size;
    this.#flow = { answer, rest: new Uint8Array(), position: isRange ? position : 0, end: this.#windowEnd };
    return this.#flow;
  }

  /** Bytes of two versions of a file must not come together. */
  #assertSame(answer: Answer, start: number, end: number): void {
    const version = versionOf(answer.headers);
    if (version !== undefined && this.version !== undefined && version !== this.version) {
      throw this.#changed(this.version, version);
    }
    if (answer.status !== 206) return;
    assertPlainRange(this.url, answer);
    const range = rangeOf(answer.headers);
    if (!range) return; // a server that does not let the page see the header
    if (range.size !== this.size) throw this.#changed(`${this.size} bytes`, `${range.size} bytes`);
    if (range.start !== start || range.end > end) {
      const problem = `the server sends bytes ${range.start} to ${range.end - 1} where ${start} to ${end - 1} were asked for`;
      throw new TransferError(this.url, problem, answer.status);
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Error(`${this.name}: the file was closed`);
  }

  #changed(was: string, is: string): TransferError {
    const problem = `the file has changed on the server while it was read (it was ${was}, and is ${is}); load it again from the start`;
    return new TransferError(this.url, problem);
  }

  #stop(): void {
    this.#flow?.answer.cancel();
    this.#flow = undefined;
  }
}

/** Counts the bytes of a body, those of a new attempt only from where the one before broke. */
export function countOnce(begin: (size: number) => FileProgress): () => (bytes: number) => void {
  let progress: FileProgress | undefined;
  let furthest = 0;
  return () => {
    let position = 0;
    progress ??= begin(0);
    return (bytes) => {
      position += bytes;
      progress?.add(Math.max(0, position - furthest));
      furthest = Math.max(furthest, position);
    };
  };
}

/** What tells versions of a file apart: an ETag, weak or strong (a server that compresses weakens it), or a date. */
export function versionOf(headers: Headers): string | undefined {
  return headers.get("etag")?.replace(/^W\//, "") ?? headers.get("last-modified") ?? undefined;
}

/** [start, end) and size of `Content-Range: bytes 0-99/1234`; undefined when it is hidden or says no size. */
function rangeOf(headers: Headers): { start: number; end: number; size: number } | undefined {
  const match = headers.get("content-range")?.match(/^bytes (\d+)-(\d+)\/(\d+)$/);
  return match ? { start: Number(match[1]), end: Number(match[2]) + 1, size: Number(match[3]) } : undefined;
}

const isPlain = (headers: Headers): boolean => /^(identity)?$/i.test(headers.get("content-encoding") ?? "");

function assertPlainRange(url: string, { headers, status }: Answer): void {
  if (isPlain(headers)) return;
  const problem = `the server compresses ranges (Content-Encoding: ${headers.get("content-encoding")}), so that their bytes are not those of the file; it must send this file as it is`;
  throw new TransferError(url, problem, status);
}

/** `Content-Range` is hidden from pages of other origins unless the server exposes it; `Content-Length` is not. */
async function sizeByHead(url: string, options: TransferOptions): Promise<number> {
  const answer = await request(url, { method: "HEAD", headers: { Range: "bytes=0-" } }, options);
  answer.cancel();
  const length = answer.headers.get("content-length");
  if (answer.status < 300 && length !== null && isPlain(answer.headers)) return Number(length);
  const problem =
    "the server does not say how long the file is; from another origin it has to send " +
    "Access-Control-Expose-Headers: Content-Range, ETag";
  throw new TransferError(url, problem, answer.status);
}
