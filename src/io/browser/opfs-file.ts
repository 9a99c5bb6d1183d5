import type { ByteSink } from "../byte-source.ts";
import { formatBytes } from "../format-bytes.ts";
import { type Appender, StorageFullError } from "../remote/store.ts";

/** What workers have and pages have not: writing in place, kept even when the tab dies. */
interface SyncAccessHandle {
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

export type OpfsFileHandle = FileSystemFileHandle & {
  createSyncAccessHandle?(): Promise<SyncAccessHandle>;
  /** Renames within its folder; a file of that name is replaced. */
  move(name: string): Promise<void>;
};

/** Bytes after which a page brings what it wrote into the file, as it has to copy the file for it. */
const PAGE_COMMIT_BYTES = 1 << 22;

/**
 * Opens a file to append at `start` bytes; what lies behind them is cut off.
 * @param keeps whether what was written should stay when the tab dies before it is closed.
 */
export async function openAppender(handle: OpfsFileHandle, start = 0, keeps = false): Promise<Appender> {
  if (handle.createSyncAccessHandle) return openInWorker(handle, start);
  if (!handle.createWritable) {
    throw new Error("this browser writes to its private file system only from a worker; open the model there");
  }
  return openInPage(handle, start, keeps);
}

async function openInWorker(handle: OpfsFileHandle, start: number): Promise<Appender> {
  const access = await handle.createSyncAccessHandle!();
  let size = start;
  access.truncate(start);
  return {
    get size() {
      return size;
    },
    async write(bytes) {
      for (let done = 0; done < bytes.length; ) {
        const written = access.write(done === 0 ? bytes : bytes.subarray(done), { at: size });
        if (written === 0) throw new DOMException("nothing could be written", "QuotaExceededError");
        done += written;
        size += written;
      }
      // In a private window Chromium takes what it has no room for without a word.
      const has = access.getSize();
      if (has >= size) return;
      size = has;
      throw new DOMException(`only ${has} bytes were written`, "QuotaExceededError");
    },
    async close() {
      access.flush();
      access.close();
    },
  };
}

/**
 * A page's writes go to a copy that takes the file's place when it is closed. To keep them, it is closed each time that
 * what was written since has grown to half of the file before: a third at most is lost with the tab, and little is copied.
 */
async function openInPage(handle: OpfsFileHandle, start: number, keeps: boolean): Promise<Appender> {
  let writable: FileSystemWritableFileStream | undefined;
  let [size, committed] = [start, start];
  const close = async (): Promise<void> => {
    const open = writable;
    writable = undefined;
    await open?.close();
    committed = size;
  };
  const open = async (): Promise<FileSystemWritableFileStream> => {
    const opened = await handle.createWritable({ keepExistingData: size > 0 });
    if (size > 0) await opened.truncate(size);
    await opened.seek(size);
    return opened;
  };
  writable = await open();
  return {
    get size() {
      return size;
    },
    async write(bytes) {
      writable ??= await open();
      try {
        await writable.write(bytes as Uint8Array<ArrayBuffer>);
      } catch (error) {
        // A stream that has failed cannot be closed; what was brought into the file before stays.
        writable = undefined;
        size = committed;
        throw error;
      }
      size += bytes.length;
      if (keeps && size - committed >= Math.max(PAGE_COMMIT_BYTES, committed / 2)) await close();
    },
    close,
  };
}

/** Runs what writes; when the browser's storage is full, the error has the numbers. */
export async function withRoom<T>(file: string, bytes: number, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if ((error as Error)?.name !== "QuotaExceededError") throw error;
    const { usage = 0, quota = 0 } = (await navigator.storage.estimate?.().catch(() => undefined)) ?? {};
    const use =
      quota > 0 ? `${formatBytes(usage)} of ${formatBytes(quota)} are in use` : "how much it holds is not told";
    const need = bytes > 0 ? `there is no room for ${formatBytes(bytes)}` : "there is no room";
    throw new StorageFullError(
      `${file}: ${need} in the browser's storage for this site: ${use}. Clear stored models, or free space on the disk`,
      { cause: error },
    );
  }
}

/** Runs `work` while no other tab or worker of the site holds the lock of that name. */
export async function withLock<T>(name: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const { locks } = navigator;
  return locks ? ((await locks.request(name, { signal }, work)) as T) : work();
}

/** Gives a file its name, in one step; two tabs must not do so at once. */
export function rename(path: string, temporary: OpfsFileHandle, file: string): Promise<void> {
  return withLock(`graft/${path}/${file}`, undefined, () => temporary.move(file));
}

/** A sink that fills a temporary file and then gives it its name, in one step. */
export function renamingSink(
  name: string,
  { path, handle: folder }: { path: string; handle: FileSystemDirectoryHandle },
  file: string,
  temporary: OpfsFileHandle,
  appender: Appender,
  released: () => void,
): ByteSink {
  let state: "open" | "closed" | "gone" = "open";
  const drop = async (): Promise<void> => {
    if (state === "gone") return;
    if (state === "open") await appender.close().catch(() => {});
    state = "gone";
    await folder.removeEntry(temporary.name).catch(() => {});
    released();
  };
  return {
    name,
    async write(bytes) {
      if (state !== "open") throw new Error(`${name}: write after the file was closed`);
      await withRoom(name, bytes.length, () => appender.write(bytes));
    },
    async close() {
      if (state !== "open") throw new Error(`${name}: the file was closed before`);
      try {
        state = "closed";
        await withRoom(name, 0, () => appender.close());
        await rename(path, temporary, file);
        state = "gone";
        released();
      } catch (error) {
        await drop();
        throw error;
      }
    },
    abort: drop,
  };
}
