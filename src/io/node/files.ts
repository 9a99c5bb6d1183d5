import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { assertRange, type ByteSink, type ByteSource } from "../byte-source.ts";

/** Node refuses to move more than 2^31 - 1 bytes in one call. */
const CHUNK_BYTES = 1 << 30;

/**
 * Opens a file for positional reads; nothing is read yet.
 * @throws Error naming the path when there is no regular file.
 */
export async function openFile(path: string): Promise<ByteSource> {
  await assertRegularFile(path); // before opening: a pipe without a writer would wait for ever
  const handle = await open(path, constants.O_RDONLY);
  const { size } = await handle.stat();
  return {
    name: path,
    size,
    async read(start, end) {
      assertRange(path, size, start, end);
      const bytes = new Uint8Array(end - start);
      let done = 0;
      while (done < bytes.length) {
        const length = Math.min(CHUNK_BYTES, bytes.length - done);
        const { bytesRead } = await handle.read(bytes, done, length, start + done);
        if (bytesRead === 0)
          throw new Error(`${path}: the file became shorter while it was read (byte ${start + done})`);
        done += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}

async function assertRegularFile(path: string): Promise<void> {
  let regular: boolean;
  try {
    regular = (await stat(path)).isFile();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(code === "ENOENT" || code === "ENOTDIR" ? `${path}: no such file` : message);
  }
  if (!regular) throw new Error(`${path}: not a regular file`);
}

/** Replaces a file by new contents so that a reader, or a crash at any moment, sees the old or the new ones whole. */
export async function writeFileAtomically(path: string, contents: string | Uint8Array): Promise<void> {
  const sink = await createFileSink(path);
  try {
    await sink.write(typeof contents === "string" ? new TextEncoder().encode(contents) : contents);
    await sink.close();
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

/**
 * A sink that writes to a temporary file in the same folder; `close()` brings it to the disk (fsync) and renames it
 * to `path`, `abort()` removes it.
 *
 * @throws Error naming the path when nothing can be written there.
 */
export async function createFileSink(path: string): Promise<ByteSink> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
  let handle: FileHandle | undefined = await open(temporary, "wx").catch((error: NodeJS.ErrnoException) => {
    const { code, message } = error;
    const isMissing = code === "ENOENT" || code === "ENOTDIR";
    throw new Error(`${path}: cannot be written: ${isMissing ? `there is no directory ${dirname(path)}` : message}`);
  });
  const release = async (): Promise<void> => {
    const open = handle;
    handle = undefined;
    await open?.close();
  };
  let renamed = false;
  return {
    name: path,
    async write(bytes) {
      if (!handle) throw new Error(`${path}: write after the file was closed`);
      await writeFully(handle, bytes);
    },
    async close() {
      if (!handle) throw new Error(`${path}: the file was closed before`);
      await handle.sync();
      await release();
      await rename(temporary, path);
      renamed = true;
      await syncDirectory(dirname(path));
    },
    async abort() {
      await release();
      if (!renamed) await unlink(temporary).catch(() => {});
    },
  };
}

/** Writes all bytes: at the handle's position, or at one of the file. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number | null = null): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(CHUNK_BYTES, bytes.length - done);
    const at = position === null ? null : position + done;
    const { bytesWritten } = await handle.write(bytes, done, length, at);
    done += bytesWritten;
  }
}

/** Brings the rename itself to the disk. Windows cannot open a folder, and some file systems cannot sync one. */
export async function syncDirectory(path: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY);
  } catch {
    return;
  }
  try {
    await handle.sync();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EINVAL" && code !== "EPERM" && code !== "ENOTSUP") throw error;
  } finally {
    await handle.close();
  }
}
