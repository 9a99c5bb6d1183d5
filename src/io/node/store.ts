import { constants } from "node:fs";
import { type FileHandle, link, open, rename, stat, statfs, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { ByteSource } from "../byte-source.ts";
import { assertPlainFileName, type ModelDirectory } from "../directory.ts";
import { formatBytes } from "../format-bytes.ts";
import { type Appender, type CacheStore, partOf } from "../remote/store.ts";
import { NodeDirectory } from "./directory.ts";
import { syncDirectory, writeFully } from "./files.ts";
import { acquireLock, type FileLock } from "./lock.ts";

/** A folder on disk that keeps what is downloaded. Processes that want the same file take turns. */
export class NodeStore implements CacheStore {
  /** Opens a folder, making it and its parents when they are missing. @throws Error naming a path that cannot be one. */
  static async open(path: string): Promise<NodeStore> {
    return new NodeStore(await NodeDirectory.create(path));
  }

  readonly #locks = new Map<string, FileLock>();

  private constructor(private readonly directory: NodeDirectory) {}

  get name(): string {
    return this.directory.name;
  }

  async list(): Promise<string[]> {
    return (await this.directory.list()).filter((file) => !isOwn(file));
  }

  has(file: string): Promise<boolean> {
    return this.directory.has(file);
  }

  readText(file: string): Promise<string> {
    return this.directory.readText(file);
  }

  open(file: string): Promise<ByteSource> {
    return this.directory.open(file);
  }

  async writeText(file: string, text: string): Promise<void> {
    await this.#withRoom(file, text.length, () => this.directory.writeText(file, text));
  }

  async remove(file: string): Promise<void> {
    await unlink(this.#path(file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }

  async begun(file: string): Promise<number> {
    const status = await stat(this.#path(partOf(file))).catch(() => undefined);
    return status?.size ?? 0;
  }

  async append(file: string, start: number, size: number): Promise<Appender> {
    await this.#assertRoom(file, size - start);
    const handle = await open(this.#path(partOf(file)), constants.O_RDWR | constants.O_CREAT, 0o666);
    let position = start;
    try {
      await handle.truncate(start);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return {
      get size() {
        return position;
      },
      write: async (bytes) => {
        await this.#withRoom(file, size - position, () => writeFully(handle, bytes, position));
        position += bytes.length;
      },
      close: () => this.#withRoom(file, 0, () => syncAndClose(handle)),
    };
  }

  async complete(file: string): Promise<void> {
    const lock = this.#locks.get(file);
    if (lock && !(await lock.isHeld())) {
      throw new Error(`${this.name}/${file}: another process has taken the download over; try again`);
    }
    await rename(this.#path(partOf(file)), this.#path(file));
    await syncDirectory(this.name);
  }

  /** Both names are of one file then, whose room is free when the last of them is removed. Not every file system can. */
  async link(file: string, from: ModelDirectory, other: string): Promise<boolean> {
    if (!(from instanceof NodeDirectory)) return false;
    assertPlainFileName(from.name, other);
    try {
      await link(join(from.name, other), this.#path(file));
    } catch {
      return false;
    }
    await syncDirectory(this.name);
    return true;
  }

  async alone<T>(file: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const lock = await acquireLock(this.#path(`.${file}.lock~`), signal);
    this.#locks.set(file, lock);
    try {
      return await work();
    } finally {
      this.#locks.delete(file);
      await lock.release();
    }
  }

  #path(file: string): string {
    assertPlainFileName(this.name, file);
    return join(this.name, file);
  }

  /** Refuses before anything is written what would fill the disk; where the room is not told, it is tried. */
  async #assertRoom(file: string, bytes: number): Promise<void> {
    const free = await this.#free();
    if (free && free < bytes) throw this.#noRoom(file, bytes, free);
  }

  /** Runs what writes; when the disk is full, the error has the numbers. */
  async #withRoom<T>(file: string, bytes: number, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOSPC" && code !== "EDQUOT" && code !== "EFBIG") throw error;
      throw this.#noRoom(file, bytes, await this.#free(), error);
    }
  }

  #noRoom(file: string, bytes: number, free: number | undefined, cause?: unknown): Error {
    const need = bytes > 0 ? `there is no room for ${formatBytes(bytes)}` : "there is no room";
    const what = isOwn(file) ? this.name : `${this.name}/${file}`;
    const left = free === undefined ? "" : `: ${formatBytes(free)} are free`;
    return new Error(`${what}: ${need} on the disk${left}. Free some, or name a folder elsewhere in GRAFT_CACHE`, {
      cause,
    });
  }

  /** Bytes that may be written to the folder's disk, where that is told. */
  async #free(): Promise<number | undefined> {
    const status = await statfs(this.name).catch(() => undefined);
    return status && status.bavail * status.bsize;
  }
}

/** Whether a file is of the store's own: one that is not whole, or tells of another. */
const isOwn = (file: string): boolean => /^\..+~$/.test(file);

async function syncAndClose(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
