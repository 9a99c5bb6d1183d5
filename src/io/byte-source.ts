import { requireObject } from "../tensor/require-kind.ts";

/** Bytes that can be read by range: an open file, a Blob or memory. */
export interface ByteSource {
  /** What errors call it: the file's name or path. */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /** Tells these contents from others of the same name, where the source knows it: an ETag, a hash, a date. */
  readonly version?: string;
  /**
   * Bytes `start` to `end` (exclusive), in an array of their own that the caller may keep and change.
   * @throws when the range is not within the source or the bytes cannot be read in full.
   */
  read(start: number, end: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Takes bytes in order. Nothing is visible at the destination until `close()`; `abort()` leaves it as it was. */
export interface ByteSink {
  /** What errors call it. */
  readonly name: string;
  write(bytes: Uint8Array): Promise<void>;
  /** Completes the destination. */
  close(): Promise<void>;
  /** Drops what was written. */
  abort(): Promise<void>;
}

/** A source over bytes in memory. */
export function bytesSource(name: string, bytes: Uint8Array): ByteSource {
  requireObject("bytesSource", bytes, "a name and its bytes as a Uint8Array", ["subarray"]);
  return {
    name,
    size: bytes.length,
    async read(start, end) {
      assertRange(name, bytes.length, start, end);
      return bytes.slice(start, end);
    },
    async close() {},
  };
}

/** A source over a Blob, such as the File of an `<input type="file">`; only the ranges asked for are loaded. */
export function blobSource(name: string, blob: Blob): ByteSource {
  requireObject("blobSource", blob, "a name and a Blob, such as a File", ["slice", "arrayBuffer"]);
  return {
    name,
    size: blob.size,
    async read(start, end) {
      assertRange(name, blob.size, start, end);
      return new Uint8Array(await blob.slice(start, end).arrayBuffer());
    },
    async close() {},
  };
}

/** A sink that keeps what it takes in memory. `bytes()` is empty until `close()`. */
export class MemorySink implements ByteSink {
  #chunks: Uint8Array[] = [];
  #bytes = new Uint8Array();

  constructor(
    readonly name: string,
    private readonly closed: (bytes: Uint8Array) => void = () => {},
  ) {}

  bytes(): Uint8Array {
    return this.#bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#chunks.push(bytes.slice());
  }

  async close(): Promise<void> {
    this.#bytes = new Uint8Array(this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let position = 0;
    for (const chunk of this.#chunks) {
      this.#bytes.set(chunk, position);
      position += chunk.length;
    }
    this.#chunks = [];
    this.closed(this.#bytes);
  }

  async abort(): Promise<void> {
    this.#chunks = [];
  }
}

/** A sink that makes a Blob, which a browser may keep outside the heap, handed over when it is closed. */
export class BlobSink implements ByteSink {
  #parts: Blob[] = [];

  constructor(
    readonly name: string,
    private readonly closed: (blob: Blob) => void,
  ) {}

  async write(bytes: Uint8Array): Promise<void> {
    this.#parts.push(new Blob([bytes as Uint8Array<ArrayBuffer>]));
  }

  async close(): Promise<void> {
    this.closed(new Blob(this.#parts));
    this.#parts = [];
  }

  async abort(): Promise<void> {
    this.#parts = [];
  }
}

/** @throws RangeError when [start, end) is not a range of whole bytes within `size`. */
export function assertRange(name: string, size: number, start: number, end: number): void {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start || end > size) {
    throw new RangeError(`${name}: bytes ${start} to ${end} are not within the file's ${size} bytes`);
  }
}
