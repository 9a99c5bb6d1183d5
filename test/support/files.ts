import { assertPlainFileName } from "../../src/io/directory.ts";
import type { ByteSource, ModelDirectory } from "../../src/io/index.ts";
import { blobSource, decodeText } from "../../src/io/index.ts";

/*
 * Files of the repository by their path from its root, such as "test/fixtures/mnist/README.md": in Node from disk, in a
 * browser from the server of the tests, so that a test that reads files runs unchanged in both.
 */

const inNode = new URL(import.meta.url).protocol === "file:";
/** Where the server of vitest.browser.config.ts has the repository, as it is and with folders as lists of names. */
export const REPOSITORY_URL = "/repository/";

/** All bytes of a file. */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  if (!inNode) return new Uint8Array(await (await get(path)).arrayBuffer());
  const { readFile } = await import("node:fs/promises");
  return new Uint8Array(await readFile(await diskPath(path)));
}

export async function readText(path: string): Promise<string> {
  return decodeText(path, await readBytes(path));
}

/** The value of a JSON file, as whatever the caller says it is. */
export async function readJson<T = ReturnType<typeof JSON.parse>>(path: string): Promise<T> {
  return JSON.parse(await readText(path));
}

/** A file for reading by range; the caller closes it. */
export async function openFile(path: string): Promise<ByteSource> {
  if (!inNode) return blobSource(path, await (await get(path)).blob());
  const node = await import("../../src/io/node/index.ts");
  return node.openFile(await diskPath(path));
}

/** A folder of a model's files. */
export async function openDirectory(path: string): Promise<ModelDirectory> {
  if (!inNode) return new ServedDirectory(path, await (await get(`${path}/`)).json());
  const { NodeDirectory } = await import("../../src/io/node/index.ts");
  return NodeDirectory.open(await diskPath(path));
}

async function diskPath(path: string): Promise<string> {
  const { fileURLToPath } = await import("node:url");
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

async function get(path: string): Promise<Response> {
  const response = await fetch(REPOSITORY_URL + path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  return response;
}

class ServedDirectory implements ModelDirectory {
  constructor(
    readonly name: string,
    private readonly files: string[],
  ) {}

  async list(): Promise<string[]> {
    return [...this.files];
  }

  async has(file: string): Promise<boolean> {
    assertPlainFileName(this.name, file);
    return this.files.includes(file);
  }

  async readText(file: string): Promise<string> {
    assertPlainFileName(this.name, file);
    return readText(`${this.name}/${file}`);
  }

  async open(file: string): Promise<ByteSource> {
    assertPlainFileName(this.name, file);
    return openFile(`${this.name}/${file}`);
  }
}
