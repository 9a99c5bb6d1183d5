import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ByteSink, ByteSource } from "../byte-source.ts";
import { assertPlainFileName, type ModelDirectory, type OutputDirectory, textOf } from "../directory.ts";
import { createFileSink, openFile, writeFileAtomically } from "./files.ts";

/** A folder on disk. Links are followed: the Hub's cache consists of them. */
export class NodeDirectory implements ModelDirectory, OutputDirectory {
  /** @throws Error naming the path when there is no such folder. */
  static async open(path: string): Promise<NodeDirectory> {
    const status = await stat(path).catch(() => undefined);
    if (!status) throw new Error(`${path}: no such directory`);
    if (!status.isDirectory()) throw new Error(`${path}: not a directory`);
    return new NodeDirectory(path);
  }

  /** Opens a folder, making it and its parents when they are missing. @throws Error naming a path that cannot be one. */
  static async create(path: string): Promise<NodeDirectory> {
    try {
      await mkdir(path, { recursive: true });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const isFile = code === "EEXIST" || code === "ENOTDIR";
      throw new Error(isFile ? `${path}: cannot be a directory: there is a file in the way` : `${path}: ${message}`);
    }
    return NodeDirectory.open(path);
  }

  private constructor(readonly name: string) {}

  async list(): Promise<string[]> {
    const files: string[] = [];
    for (const file of await readdir(this.name)) if (await isFile(join(this.name, file))) files.push(file);
    return files.sort();
  }

  async has(file: string): Promise<boolean> {
    return isFile(this.#path(file));
  }

  async readText(file: string): Promise<string> {
    return textOf(await this.open(file));
  }

  async open(file: string): Promise<ByteSource> {
    return openFile(this.#path(file));
  }

  async writeText(file: string, text: string): Promise<void> {
    return writeFileAtomically(this.#path(file), text);
  }

  async create(file: string): Promise<ByteSink> {
    return createFileSink(this.#path(file));
  }

  #path(file: string): string {
    assertPlainFileName(this.name, file);
    return join(this.name, file);
  }
}

async function isFile(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  return status?.isFile() ?? false;
}
