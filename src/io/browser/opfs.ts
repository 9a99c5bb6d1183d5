import { describeKind } from "../../tensor/require-kind.ts";
import { type ByteSink, type ByteSource, blobSource } from "../byte-source.ts";
import { assertPlainFileName, type OutputDirectory, textOf } from "../directory.ts";
import { type Appender, type CacheStore, partOf } from "../remote/store.ts";
import { type OpfsFileHandle, openAppender, rename, renamingSink, withLock, withRoom } from "./opfs-file.ts";

/** Attempts to read a small file that other tabs may be replacing. */
const READS = 5;

class ReplacedError extends Error {}

/** The folder of the site's private file system that holds what Graft stores; other files of the site are left alone. */
const ROOT = "graft";

/**
 * Names of files that are not whole yet, or say of others where they came from: `.model.safetensors.part~`. While a page
 * writes one, Chromium shows its copy beside it.
 */
export const isOwnName = (name: string): boolean => /^\..+~(\.crswap)?$/.test(name);

/**
 * A folder of the browser's private file system (OPFS), in a page or a worker. A file appears whole or not at all, also
 * when the tab is closed in the middle or two tabs write at once.
 */
export class OpfsDirectory implements CacheStore, OutputDirectory {
  /**
   * Opens a folder such as `models/openai-community/gpt2`.
   *
   * @param create make the folders that are missing.
   * @throws Error naming the folder when there is none, or when the browser has no such storage; a StorageFullError where it
   * is too full for another folder.
   */
  static async open(path: string, { create = false }: { create?: boolean } = {}): Promise<OpfsDirectory> {
    const parts = splitPath(path);
    try {
      const handle = await withRoom(`browser storage/${path}`, 0, () => folderAt(parts, create));
      await clearLeftovers(handle, parts.join("/"));
      return new OpfsDirectory(parts.join("/"), handle);
    } catch (error) {
      throw describeError(path, error, "there is no such folder in the browser's storage");
    }
  }

  /** What errors call it. */
  readonly name: string;
  #handle: FileSystemDirectoryHandle;

  private constructor(
    /** Path of the folder, as `open` takes it. */
    readonly path: string,
    handle: FileSystemDirectoryHandle,
  ) {
    this.name = `browser storage/${path}`;
    this.#handle = handle;
  }

  /** The folder itself. */
  get handle(): FileSystemDirectoryHandle {
    return this.#handle;
  }

  async list(): Promise<string[]> {
    return this.#entries("file");
  }

  /** Names of the folders in it, sorted. */
  async folders(): Promise<string[]> {
    return this.#entries("directory");
  }

  async has(file: string): Promise<boolean> {
    return (await this.#find(file)) !== undefined;
  }

  async readText(file: string): Promise<string> {
    for (let read = 1; ; read++) {
      try {
        return await textOf(await this.open(file));
      } catch (error) {
        // Another tab has replaced it meanwhile: then the new one is read.
        if (!(error instanceof ReplacedError) || read === READS) throw error;
      }
    }
  }

  async open(file: string): Promise<ByteSource> {
    const handle = await this.#find(file);
    if (!handle) throw new Error(`${this.name}: there is no file ${JSON.stringify(file)}`);
    const name = `${this.name}/${file}`;
    const refuse = (error: Error): never => {
      if (error.name !== "NotReadableError" && error.name !== "NotFoundError") throw error;
      const problem = `${name}: the file was replaced or removed while it was read; open it again`;
      throw new ReplacedError(problem, { cause: error });
    };
    const source = blobSource(name, await handle.getFile().catch(refuse));
    return { ...source, read: (start, end) => source.read(start, end).catch(refuse) };
  }

  async writeText(file: string, text: string): Promise<void> {
    const sink = await this.create(file);
    try {
      await sink.write(new TextEncoder().encode(text));
      await sink.close();
    } catch (error) {
      await sink.abort();
      throw error;
    }
  }

  async create(file: string): Promise<ByteSink> {
    assertPlainFileName(this.name, file);
    const name = `${this.name}/${file}`;
    const temporary = `.${file}.${crypto.randomUUID()}~`;
    const released = await holdLock(lockOf(this.path, temporary));
    try {
      return await withRoom(name, 0, async () => {
        const handle = await this.#makeFile(temporary);
        return renamingSink(name, this, file, handle, await openAppender(handle), released);
      });
    } catch (error) {
      await this.handle.removeEntry(temporary).catch(() => {});
      released();
      throw error;
    }
  }

  /** A file as it is, empty when there was none. The folder is made anew where a person has cleared it away meanwhile. */
  async #makeFile(file: string): Promise<OpfsFileHandle> {
    try {
      return (await this.#handle.getFileHandle(file, { create: true })) as OpfsFileHandle;
    } catch (error) {
      if ((error as Error).name !== "NotFoundError") throw error;
      this.#handle = await folderAt(splitPath(this.path), true);
      return (await this.#handle.getFileHandle(file, { create: true })) as OpfsFileHandle;
    }
  }

  /** Removes a file; nothing happens when there is none. */
  async remove(file: string): Promise<void> {
    assertPlainFileName(this.name, file);
    await this.handle.removeEntry(file).catch((error: Error) => {
      if (error.name !== "NotFoundError") throw error;
    });
  }

  async begun(file: string): Promise<number> {
    const handle = await this.#find(partOf(file));
    return handle ? (await handle.getFile()).size : 0;
  }

  async append(file: string, start: number, size: number): Promise<Appender> {
    assertPlainFileName(this.name, file);
    const name = `${this.name}/${file}`;
    const appender = await withRoom(name, size - start, async () =>
      openAppender(await this.#makeFile(partOf(file)), start, true),
    );
    return {
      get size() {
        return appender.size;
      },
      write: (bytes) => withRoom(name, size - appender.size, () => appender.write(bytes)),
      close: () => withRoom(name, 0, () => appender.close()),
    };
  }

  async complete(file: string): Promise<void> {
    const part = (await this.handle.getFileHandle(partOf(file))) as OpfsFileHandle;
    await withRoom(`${this.name}/${file}`, 0, () => rename(this.path, part, file));
  }

  alone<T>(file: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return withLock(`graft/download/${this.path}/${file}`, signal, work);
  }

  async #find(file: string): Promise<FileSystemFileHandle | undefined> {
    assertPlainFileName(this.name, file);
    try {
      return await this.handle.getFileHandle(file);
    } catch (error) {
      const { name } = error as Error;
      if (name === "NotFoundError" || name === "TypeMismatchError") return undefined;
      throw describeError(this.path, error, `the file ${JSON.stringify(file)} cannot be opened`);
    }
  }

  async #entries(kind: "file" | "directory"): Promise<string[]> {
    const names: string[] = [];
    try {
      for await (const entry of this.handle.values()) {
        if (entry.kind === kind && !isOwnName(entry.name)) names.push(entry.name);
      }
    } catch (error) {
      // The folder itself was cleared away.
      if ((error as Error).name !== "NotFoundError") throw error;
    }
    return names.sort();
  }
}

/** Graft's folder of the browser's storage. @throws where there is none. */
export async function rootFolder(): Promise<FileSystemDirectoryHandle> {
  if (!globalThis.navigator?.storage?.getDirectory) {
    throw new Error(
      "this browser keeps no files for the page: the origin private file system is missing. It needs https or localhost, and no private window in some browsers",
    );
  }
  const origin = await navigator.storage.getDirectory();
  return origin.getDirectoryHandle(ROOT, { create: true });
}

async function folderAt(parts: readonly string[], create: boolean): Promise<FileSystemDirectoryHandle> {
  let handle = await rootFolder();
  for (const part of parts) handle = await handle.getDirectoryHandle(part, { create });
  return handle;
}

/** The names of a path. @throws where one leads elsewhere. */
export function splitPath(path: string): string[] {
  if (typeof path !== "string") {
    throw new TypeError(`browser storage: expected a path as a string, got ${describeKind(path)}`);
  }
  const parts = path.split("/").filter((part) => part !== "");
  for (const part of parts) assertPlainFileName(`browser storage/${path}`, part);
  return parts;
}

export function describeError(path: string, error: unknown, missing: string): Error {
  const { name, message } = error as Error;
  if (name === "NotFoundError") return new Error(`browser storage/${path}: ${missing}`, { cause: error });
  if (name === "TypeMismatchError") {
    return new Error(`browser storage/${path}: there is a file in the way of a folder`, { cause: error });
  }
  if (!(error instanceof DOMException)) return error as Error;
  return new Error(`browser storage/${path}: ${message}`, { cause: error });
}

const lockOf = (path: string, file: string): string => `graft/${path}/${file}`;

/** Takes a lock that nobody else wants; gives what releases it. */
function holdLock(name: string): Promise<() => void> {
  const { locks } = navigator;
  if (!locks) return Promise.resolve(() => {});
  return new Promise((resolve, reject) => {
    locks.request(name, () => new Promise<void>((release) => resolve(release))).catch(reject);
  });
}

/** Temporary files whose tab is gone: nobody holds their locks any more. */
async function clearLeftovers(folder: FileSystemDirectoryHandle, path: string): Promise<void> {
  const { locks } = navigator;
  if (!locks) return;
  const leftovers: string[] = [];
  for await (const { name, kind } of folder.values()) {
    if (kind === "file" && /^\..+\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}~(\.crswap)?$/.test(name))
      leftovers.push(name);
  }
  for (const name of leftovers) {
    await locks.request(lockOf(path, name.replace(/\.crswap$/, "")), { ifAvailable: true }, async (lock) => {
      if (lock) await folder.removeEntry(name).catch(() => {});
    });
  }
}
