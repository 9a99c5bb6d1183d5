import { type ByteSink, type ByteSource, MemoryDirectory, type ModelDirectory } from "../../io/index.ts";
import type { RunFolder } from "../types.ts";

/** A run's folder where there is no other: in memory, for as long as the session is open. */
export class MemoryFolder implements RunFolder {
  #files: MemoryDirectory;

  constructor(readonly name = "memory") {
    this.#files = new MemoryDirectory(name);
  }

  list = () => this.#files.list();
  has = (file: string) => this.#files.has(file);
  readText = (file: string) => this.#files.readText(file);
  open = (file: string) => this.#files.open(file);
  writeText = (file: string, text: string) => this.#files.writeText(file, text);
  create = (file: string) => this.#files.create(file);

  async remove(file: string): Promise<void> {
    const left: Record<string, Uint8Array> = {};
    for (const other of await this.list()) {
      const source = await this.open(other);
      if (other !== file) left[other] = await source.read(0, source.size);
    }
    this.#files = new MemoryDirectory(this.name, left);
  }
}

/** The files of a folder that begin with a prefix, as a directory of their own. */
export function partOf(folder: RunFolder, prefix: string, name: string): ModelDirectory {
  return {
    name,
    list: async () =>
      (await folder.list()).filter((file) => file.startsWith(prefix)).map((file) => file.slice(prefix.length)),
    has: (file) => folder.has(prefix + file),
    readText: (file) => folder.readText(prefix + file),
    open: (file) => folder.open(prefix + file),
  };
}

/** A directory that tells of the weights that are read from it. A file that is opened anew counts anew. */
export function countingReads(
  directory: ModelDirectory,
  onRead: (file: string, loaded: number, total: number) => void,
): ModelDirectory {
  const files = new Map<string, { loaded: number; size: number }>();
  const sum = (key: "loaded" | "size"): number => [...files.values()].reduce((total, one) => total + one[key], 0);
  return {
    name: directory.name,
    get version() {
      return directory.version;
    },
    list: () => directory.list(),
    has: (file) => directory.has(file),
    readText: (file) => directory.readText(file),
    async open(file): Promise<ByteSource> {
      const source = await directory.open(file);
      if (!file.endsWith(".safetensors")) return source;
      const { name, size } = source;
      const counted = { loaded: 0, size };
      files.set(file, counted);
      return {
        ...{ name, size },
        close: () => source.close(),
        async read(start, end) {
          const bytes = await source.read(start, end);
          counted.loaded = Math.min(counted.loaded + bytes.length, size);
          onRead(file, sum("loaded"), sum("size"));
          return bytes;
        },
      };
    },
  };
}

/** Files as Blobs: what is written goes to the browser piece by piece, and need not fit in this thread's memory. */
export class BlobFolder {
  readonly name = "download";
  readonly files: Record<string, Blob> = {};

  async writeText(file: string, text: string): Promise<void> {
    this.files[file] = new Blob([text]);
  }

  async create(file: string): Promise<ByteSink> {
    let parts: Blob[] = [];
    return {
      name: file,
      write: async (bytes) => {
        parts.push(new Blob([bytes as Uint8Array<ArrayBuffer>]));
      },
      close: async () => {
        this.files[file] = new Blob(parts);
      },
      abort: async () => {
        parts = [];
      },
    };
  }
}
