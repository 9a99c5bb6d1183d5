import type { ModelDirectory } from "../directory.ts";

/** A storage that grants so much and no more has no room for what was to be written: it has to be read elsewhere. */
export class StorageFullError extends Error {
  override name = "StorageFullError";
}

/** Appends to a file. */
export interface Appender {
  /** Bytes in the file so far. */
  readonly size: number;
  write(bytes: Uint8Array): Promise<void>;
  /** Brings what was written into the file. */
  close(): Promise<void>;
}

/** A folder that keeps what is downloaded: in a browser's storage, or on a disk. */
export interface CacheStore extends ModelDirectory {
  writeText(file: string, text: string): Promise<void>;
  /** Removes a file; nothing happens when there is none. */
  remove(file: string): Promise<void>;
  /** Bytes that are there of a file whose download was begun. */
  begun(file: string): Promise<number>;
  /**
   * Goes on at `start` bytes of a file that is to have `size`; what lies behind them is cut off. What is written stays when
   * the program dies, and the file is not there before {@link complete}.
   *
   * @throws Error with the numbers when there is no room; a {@link StorageFullError} where that is to be expected
   */
  append(file: string, start: number, size: number): Promise<Appender>;
  /** Gives the file its name, in one step; one that was there is replaced. */
  complete(file: string): Promise<void>;
  /**
   * Gives a file the contents that one of another folder has, in one step and without taking more room.
   * @returns whether that can be done; nothing has changed where it cannot.
   */
  link?(file: string, from: ModelDirectory, other: string): Promise<boolean>;
  /** Runs `work` while nobody else does with the same file of this folder, be it another tab or another process. */
  alone<T>(file: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T>;
}

/** Where a file lies while it is not whole. Names that begin with a dot and end in ~ are the store's own. */
export const partOf = (file: string): string => `.${file}.part~`;
