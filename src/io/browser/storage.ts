import { describeError, isOwnName, rootFolder, splitPath } from "./opfs.ts";

/** A folder that holds files in the browser's storage. */
export interface StoredFolder {
  /** As `OpfsDirectory.open` and {@link clearStored} take it. */
  readonly path: string;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** Bytes of everything in it, unfinished downloads included. */
  readonly bytes: number;
  /** Bytes of downloads that were begun and not finished. */
  readonly unfinished: number;
  /** When a file in it was last written, in milliseconds since 1970. */
  readonly modified: number;
}

/** What Graft has stored in this browser, folder by folder, sorted by path; only what lies below `path`, if given. */
export async function listStored(path = ""): Promise<StoredFolder[]> {
  const found: StoredFolder[] = [];
  const parts = splitPath(path);
  const visit = async (folder: FileSystemDirectoryHandle, at: string): Promise<void> => {
    const files: { name: string; bytes: number }[] = [];
    const stored = { bytes: 0, unfinished: 0, modified: 0 };
    for await (const entry of folder.values()) {
      if (entry.kind === "directory") {
        await visit(entry as FileSystemDirectoryHandle, at ? `${at}/${entry.name}` : entry.name);
        continue;
      }
      const file = await (entry as FileSystemFileHandle).getFile().catch(() => undefined);
      if (!file) continue; // removed, or given its name, since it was listed
      stored.bytes += file.size;
      stored.modified = Math.max(stored.modified, file.lastModified);
      if (isOwnName(entry.name)) stored.unfinished += file.size;
      else files.push({ name: entry.name, bytes: file.size });
    }
    if (stored.bytes > 0 || files.length > 0) {
      found.push({ path: at, files: files.sort((a, b) => (a.name < b.name ? -1 : 1)), ...stored });
    }
  };
  try {
    let folder = await rootFolder();
    for (const part of parts) folder = await folder.getDirectoryHandle(part);
    await visit(folder, parts.join("/"));
  } catch (error) {
    if ((error as Error).name !== "NotFoundError") throw describeError(path, error, "");
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Removes a folder with all below it, or everything that Graft has stored; gives the bytes that this freed. */
export async function clearStored(path = ""): Promise<number> {
  const freed = (await listStored(path)).reduce((sum, { bytes }) => sum + bytes, 0);
  const parts = splitPath(path);
  try {
    let folder = await rootFolder();
    const last = parts.pop();
    for (const part of parts) folder = await folder.getDirectoryHandle(part);
    if (last !== undefined) await folder.removeEntry(last, { recursive: true });
    else {
      const names: string[] = [];
      for await (const name of folder.keys()) names.push(name);
      for (const name of names) await folder.removeEntry(name, { recursive: true });
    }
  } catch (error) {
    const { name } = error as Error;
    if (name === "NotFoundError") return 0;
    if (name !== "NoModificationAllowedError") throw describeError(path, error, "");
    throw new Error(`browser storage/${path}: a file in it is being written, by this tab or another; end that first`, {
      cause: error,
    });
  }
  return freed;
}

/** How much the site uses of what the browser grants it, in bytes; both are the browser's estimates. */
export async function storageEstimate(): Promise<{ usage: number; quota: number }> {
  const { usage = 0, quota = 0 } = (await globalThis.navigator?.storage?.estimate?.()) ?? {};
  return { usage, quota };
}

/**
 * Asks the browser to keep what is stored when space runs short. It may ask the user, or decide by itself.
 * @returns whether it will.
 */
export async function requestPersistence(): Promise<boolean> {
  const storage = globalThis.navigator?.storage;
  if (!storage?.persist) return false;
  return (await storage.persisted()) || storage.persist();
}
