import { requireObject } from "../tensor/require-kind.ts";
import { BlobSink, type ByteSink, type ByteSource, blobSource, bytesSource } from "./byte-source.ts";

/** A flat folder of a model's files, read-only: on disk, in memory, or files a user picked in a browser. */
export interface ModelDirectory {
  /** What errors call it. */
  readonly name: string;
  /** Tells this state of the files from others under the same name, where that is known: a commit. */
  readonly version?: string;
  /** Names of the files, sorted; folders are left out. */
  list(): Promise<string[]>;
  has(file: string): Promise<boolean>;
  /** @throws when the file is missing or not UTF-8. */
  readText(file: string): Promise<string>;
  /** Opens a file for reading by range; the caller closes it. */
  open(file: string): Promise<ByteSource>;
  /** What no other contents have, where that is known of a file without reading it: `sha256:…`, or `git:…`, git's name of it. */
  hashOf?(file: string): string | undefined;
}

/** @throws TypeError where what `who` is given is no directory. */
export function requireDirectory(who: string, directory: unknown): void {
  const expected = 'a directory, as await NodeDirectory.open("gpt2") or new MemoryDirectory(name, files) gives';
  requireObject(who, directory, expected, ["has", "open", "readText"]);
}

/** A folder that files can be saved to. A file appears whole or not at all. */
export interface OutputDirectory {
  readonly name: string;
  writeText(file: string, text: string): Promise<void>;
  /** Starts a file; it takes its place when the sink is closed. */
  create(file: string): Promise<ByteSink>;
}

/** A directory in memory, over bytes, texts, and Blobs such as the Files of a browser's file picker. */
export class MemoryDirectory implements ModelDirectory, OutputDirectory {
  readonly #files = new Map<string, Blob | Uint8Array>();

  constructor(
    readonly name: string,
    files: Readonly<Record<string, Blob | Uint8Array | string>> = {},
  ) {
    for (const [file, contents] of Object.entries(files)) {
      assertPlainFileName(name, file);
      this.#files.set(file, typeof contents === "string" ? new TextEncoder().encode(contents) : contents);
    }
  }

  async list(): Promise<string[]> {
    return [...this.#files.keys()].sort();
  }

  async has(file: string): Promise<boolean> {
    assertPlainFileName(this.name, file);
    return this.#files.has(file);
  }

  async readText(file: string): Promise<string> {
    return textOf(await this.open(file));
  }

  async open(file: string): Promise<ByteSource> {
    assertPlainFileName(this.name, file);
    const contents = this.#files.get(file);
    if (!contents) throw new Error(`${this.name}: there is no file ${JSON.stringify(file)}`);
    const name = `${this.name}/${file}`;
    return contents instanceof Uint8Array ? bytesSource(name, contents) : blobSource(name, contents);
  }

  async writeText(file: string, text: string): Promise<void> {
    assertPlainFileName(this.name, file);
    this.#files.set(file, new TextEncoder().encode(text));
  }

  async create(file: string): Promise<ByteSink> {
    assertPlainFileName(this.name, file);
    return new BlobSink(`${this.name}/${file}`, (blob) => this.#files.set(file, blob));
  }

  /** The files by name, to be downloaded, packed or sent to a worker. */
  blobs(): Record<string, Blob> {
    const toBlob = (contents: Blob | Uint8Array): Blob =>
      contents instanceof Blob ? contents : new Blob([contents as Uint8Array<ArrayBuffer>]);
    return Object.fromEntries([...this.#files].map(([file, contents]) => [file, toBlob(contents)]));
  }
}

/**
 * Refuses a name that would lead out of its directory.
 * @throws Error naming directory and file.
 */
export function assertPlainFileName(directory: string, file: string): void {
  if (file === "" || file === "." || file === ".." || /[/\\:\p{Cc}]/u.test(file)) {
    throw new Error(`${directory}: ${JSON.stringify(file)} is not a plain file name`);
  }
}

/** A source as text, which is closed then. @throws Error naming it when its bytes are not UTF-8. */
export async function textOf(source: ByteSource): Promise<string> {
  try {
    return decodeText(source.name, await source.read(0, source.size));
  } finally {
    await source.close();
  }
}

/** @throws Error naming the file when the bytes are not UTF-8. */
export function decodeText(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${file}: the file is not valid UTF-8`);
  }
}
