import { requireObject } from "../../tensor/require-kind.ts";
import type { ByteSource } from "../byte-source.ts";
import { type ModelDirectory, requireDirectory, textOf } from "../directory.ts";
import { type ByteProgress, type FileProgress, ProgressMeter } from "./progress.ts";
import { type CacheStore, partOf, StorageFullError } from "./store.ts";

/** What is kept of a remote directory, and when it is asked again. */
export interface CacheOptions {
  readonly signal?: AbortSignal;
  /** Bytes of downloads; those of an earlier, unfinished one count at once, and those of a file that needs none never. */
  readonly onProgress?: (progress: ByteProgress) => void;
  /**
   * Ask the remote directory, once for each file, whether a file that is there has changed, and take it anew if so; where
   * it cannot be reached, what is there is good. Default false: what is there is not asked about.
   */
  readonly refresh?: boolean;
  /** Which files are kept; others are read from the remote directory each time. Default: all. */
  readonly keeps?: (file: string) => boolean;
  /**
   * Opens folders that hold other states of the same directory. A file that one of them has with the same contents, as the
   * remote directory tells by its hash, is taken from there and not downloaded.
   */
  readonly others?: () => Promise<readonly ModelDirectory[]>;
}

/** What is remembered of a file. */
interface Entry {
  readonly size: number;
  /** The ETag or date that it came with. */
  readonly version?: string;
  /** What names its contents, if the remote directory told (see `ModelDirectory.hashOf`). */
  readonly hash?: string;
}

/** What is remembered of the remote directory beside the files themselves. */
interface Record {
  /** The remote directory's name, as a check that the folder belongs to it. */
  readonly source: string;
  /** The state of it that all files are of, where it tells. */
  readonly version?: string;
  /** Files that were taken whole. */
  readonly files: { readonly [file: string]: Entry };
  /** Files that the remote directory does not have. */
  readonly absent: string[];
  /** What the remote directory listed, once it was asked. */
  readonly listing?: string[];
}

const RECORD = ".source.json~";
const notesOf = (file: string): string => `.${file}.part.json~`;
/** Bytes taken from the network at a time. */
const PIECE = 1 << 20;
/** The account of bytes that come over no network. */
const UNCOUNTED: FileProgress = { add() {}, end() {} };

/** A remote directory, or what opens it, in the state of the files that are there if there are any. */
export type RemoteDirectory = ModelDirectory | ((version: string | undefined) => Promise<ModelDirectory>);

/**
 * A remote directory whose files are downloaded once, when they are first opened, into a folder of the browser's storage
 * or on a disk, and read from there ever after. A download that was cut short, by a reload, a closed tab or Ctrl-C, goes on
 * where it was, provided that the file is still the same. Two tabs, or two processes, take turns.
 *
 * Where a browser's storage has no room for a file, it is read from the remote directory itself.
 *
 * Where the remote directory is given as a function, it is opened when a file is missing, so that a model that is there
 * needs no network. A directory that is given open, in another state than the files are of, replaces them; those that it
 * tells to be the same stay.
 *
 * @throws Error when the folder already holds files of another directory.
 */
export async function cachedDirectory(
  remote: RemoteDirectory,
  store: CacheStore,
  options: CacheOptions = {},
): Promise<ModelDirectory> {
  if (typeof remote !== "function") requireDirectory("cachedDirectory", remote);
  const expected = "a store, as await OpfsDirectory.open(path, { create: true }) gives";
  requireObject("cachedDirectory", store, expected, ["has", "append", "complete"]);
  const record = await readRecord(store);
  if (typeof remote === "function") {
    return new CachedDirectory(remote, store, options, record?.source ?? store.name, record?.version);
  }
  assertSource(store, record, remote);
  if (record && record.version !== remote.version) {
    await store.alone(RECORD, options.signal, () => bringTo(remote, store));
  }
  return new CachedDirectory(async () => remote, store, options, remote.name, remote.version);
}

/** Removes the files that a directory has no more, or with other contents, and remembers the others as being of its state. */
async function bringTo(remote: ModelDirectory, store: CacheStore): Promise<void> {
  const record = await readRecord(store);
  if (!record || record.version === remote.version) return; // another tab or process was here before
  const isSame = ([file, { hash }]: [string, Entry]): boolean => hash !== undefined && remote.hashOf?.(file) === hash;
  const files = Object.fromEntries(Object.entries(record.files).filter(isSame));
  const forget = (file: string): Promise<void> => store.remove(file).catch(() => {});
  for (const file of Object.keys(record.files)) if (!Object.hasOwn(files, file)) await forget(file);
  if (Object.keys(files).length === 0) return forget(RECORD);
  const next: Record = { source: remote.name, version: remote.version, files, absent: [] };
  // Without room for that all is taken anew, if there is room for it then.
  await store.writeText(RECORD, JSON.stringify(next)).catch(() => forget(RECORD));
}

function assertSource(store: CacheStore, record: Record | undefined, remote: ModelDirectory): void {
  if (!record || record.source === remote.name) return;
  throw new Error(
    `${store.name}: the folder holds files of ${record.source}, not of ${remote.name}; take another folder, or clear it first`,
  );
}

/** @throws also where the files are of another state. */
function assertState(store: CacheStore, record: Record | undefined, remote: ModelDirectory): void {
  assertSource(store, record, remote);
  if (!record || record.version === remote.version) return;
  const states = `is at ${remote.version}, and the files that are there are of ${record.version}`;
  throw new Error(`${store.name}: ${remote.name} ${states}; clear the folder to take the new ones`);
}

class CachedDirectory implements ModelDirectory {
  readonly #meter: ProgressMeter;
  /** Files that were asked about. */
  readonly #asked = new Set<string>();
  #remote: Promise<ModelDirectory> | undefined;
  #version: string | undefined;

  constructor(
    private readonly openRemote: (version: string | undefined) => Promise<ModelDirectory>,
    private readonly store: CacheStore,
    private readonly options: CacheOptions,
    readonly name: string,
    version: string | undefined,
  ) {
    this.#meter = new ProgressMeter(options.onProgress);
    this.#version = version;
  }

  get version(): string | undefined {
    return this.#version;
  }

  /** The remote directory, opened when it is needed. */
  remote(): Promise<ModelDirectory> {
    const open = async (): Promise<ModelDirectory> => {
      const record = await readRecord(this.store);
      const remote = await this.openRemote(record?.version);
      assertState(this.store, record, remote);
      this.#version = remote.version;
      return remote;
    };
    this.#remote ??= open().catch((error) => {
      this.#remote = undefined;
      throw error;
    });
    return this.#remote;
  }

  async list(): Promise<string[]> {
    const known = (await readRecord(this.store))?.listing;
    if (known) return known;
    const listing = await (await this.remote()).list();
    await this.#unlessFull(() => this.#note((record) => ({ ...record, listing })));
    return listing;
  }

  async has(file: string): Promise<boolean> {
    if (await this.store.has(file)) return true;
    const record = await readRecord(this.store);
    if (record?.absent.includes(file) && !this.options.refresh) return false;
    const isThere = await (await this.remote()).has(file);
    if (isThere) return true;
    const note = (known: Record): Record => ({ ...known, absent: [...new Set([...known.absent, file])].sort() });
    await this.#unlessFull(() => this.#note(note));
    return false;
  }

  async readText(file: string): Promise<string> {
    return textOf(await this.open(file));
  }

  async open(file: string): Promise<ByteSource> {
    const stored = await this.#stored(file);
    if (stored) return stored;
    if (this.options.keeps?.(file) === false) return (await this.remote()).open(file);
    const isThere = await this.#unlessFull(() =>
      this.store.alone(file, this.options.signal, async () => {
        const before = await this.#stored(file); // another tab or process had the turn before
        if (before) await before.close();
        else await this.#download(file).catch((error) => this.#makeRoom(file, error));
      }),
    );
    return isThere ? this.store.open(file) : (await this.remote()).open(file);
  }

  /** Does what writes. @returns whether there was room for it. */
  async #unlessFull(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (error instanceof StorageFullError) return false;
      throw error;
    }
  }

  /** The file, if it is there whole. */
  async #stored(file: string): Promise<ByteSource | undefined> {
    if (!(await this.store.has(file))) return undefined;
    const source = await this.store.open(file);
    const expected = (await readRecord(this.store))?.files[file];
    if (expected && expected.size === source.size && !(await this.#hasChanged(file, expected))) return source;
    await source.close();
    await this.store.remove(file); // of another length than was downloaded, changed, or not of this directory at all
    return undefined;
  }

  async #hasChanged(file: string, known: Entry): Promise<boolean> {
    if (!this.options.refresh || this.#asked.has(file) || globalThis.navigator?.onLine === false) return false;
    this.#asked.add(file);
    try {
      const source = await (await this.remote()).open(file);
      await source.close();
      return source.size !== known.size || source.version !== known.version;
    } catch {
      this.options.signal?.throwIfAborted();
      return false;
    }
  }

  /** What was begun of a file that there is no room for stands in the way of those that there is. @throws the error. */
  async #makeRoom(file: string, error: unknown): Promise<never> {
    if (error instanceof StorageFullError) await this.#dropBegun(file);
    throw error;
  }

  async #dropBegun(file: string): Promise<void> {
    for (const own of [partOf(file), notesOf(file)]) await this.store.remove(own).catch(() => {});
  }

  async #download(file: string): Promise<void> {
    const remote = await this.remote();
    const hash = remote.hashOf?.(file);
    if (hash !== undefined && (await this.#takeOver(file, hash))) return;
    const source = await remote.open(file);
    try {
      const { size, version } = source;
      await this.#fill(file, source, { size, version, hash }, this.#meter.begin(file, size));
    } finally {
      await source.close();
    }
  }

  /** Takes a file from a folder where it has the same contents. @returns whether there is one. */
  async #takeOver(file: string, hash: string): Promise<boolean> {
    try {
      for (const other of (await this.options.others?.()) ?? []) {
        for (const [name, entry] of Object.entries((await readRecord(other))?.files ?? {})) {
          if (entry.hash !== hash || !(await other.has(name))) continue;
          const source = await other.open(name);
          try {
            if (source.size !== entry.size) continue; // damaged
            if (!(await this.#link(file, other, name, entry))) await this.#fill(file, source, entry, UNCOUNTED);
            return true;
          } finally {
            await source.close();
          }
        }
      }
    } catch (error) {
      this.options.signal?.throwIfAborted();
      if (error instanceof StorageFullError) throw error;
      // It was removed meanwhile, or cannot be read: then it is downloaded.
    }
    return false;
  }

  async #link(file: string, other: ModelDirectory, name: string, entry: Entry): Promise<boolean> {
    if (!this.store.link) return false;
    await this.#enter(file, entry);
    if (!(await this.store.link(file, other, name))) return false;
    await this.#dropBegun(file);
    return true;
  }

  /** Brings a file into the store from its source, going on where that was begun. */
  async #fill(file: string, source: ByteSource, entry: Entry, progress: FileProgress): Promise<void> {
    const { size, version, hash } = entry;
    try {
      const notes = await readJson<Entry>(this.store, notesOf(file));
      // Without a hash or a version nothing tells that the rest belongs to what is there.
      const isSame =
        notes?.size === size &&
        (hash !== undefined && notes.hash !== undefined
          ? notes.hash === hash
          : version !== undefined && notes.version === version);
      const begun = isSame ? await this.store.begun(file) : 0;
      if (!isSame) await this.store.writeText(notesOf(file), JSON.stringify(entry));
      let position = begun <= size ? begun : 0;
      progress.add(position);
      const appender = await this.store.append(file, position, size);
      try {
        const take = (start: number) => (start < size ? source.read(start, Math.min(start + PIECE, size)) : undefined);
        for (let arriving = take(position); arriving; ) {
          this.options.signal?.throwIfAborted();
          const bytes = await arriving;
          arriving = take(position + bytes.length); // comes while these are written
          arriving?.catch(() => {}); // seen when its turn comes, if that comes
          await appender.write(bytes);
          position += bytes.length;
          progress.add(bytes.length);
        }
      } finally {
        await appender.close();
      }
      const written = await this.store.begun(file);
      if (written !== size) {
        throw new Error(`${this.store.name}/${file}: ${written} of ${size} bytes were stored; try again`);
      }
      await this.#enter(file, entry);
      await this.store.complete(file);
      await this.store.remove(notesOf(file)).catch(() => {});
    } finally {
      progress.end();
    }
  }

  /** Remembers a file before it takes its name, so that one which is there is known. */
  #enter(file: string, entry: Entry): Promise<void> {
    return this.#note((record) => ({
      ...record,
      files: { ...record.files, [file]: entry },
      absent: record.absent.filter((other) => other !== file),
    }));
  }

  /** Changes the record, of which others may be changing other parts. */
  async #note(change: (record: Record) => Record): Promise<void> {
    const remote = await this.remote();
    await this.store.alone(RECORD, undefined, async () => {
      const known = await readRecord(this.store);
      assertState(this.store, known, remote); // another tab may have brought the folder to another state
      const record = known ?? { source: remote.name, version: remote.version, files: {}, absent: [] };
      await this.store.writeText(RECORD, JSON.stringify(change(record)));
    });
  }
}

const readRecord = (store: ModelDirectory): Promise<Record | undefined> => readJson<Record>(store, RECORD);

async function readJson<T>(store: ModelDirectory, file: string): Promise<T | undefined> {
  if (!(await store.has(file))) return undefined;
  return JSON.parse(await store.readText(file)) as T;
}
