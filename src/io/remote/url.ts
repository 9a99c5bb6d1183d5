import type { ByteSource } from "../byte-source.ts";
import { assertPlainFileName, decodeText, type ModelDirectory } from "../directory.ts";
import { countOnce, HttpFile } from "./http-file.ts";
import { ProgressMeter } from "./progress.ts";
import {
  assertAnswered,
  isPageInstead,
  readAll,
  request,
  retrying,
  shownUrl,
  TransferError,
  type TransferOptions,
} from "./transfer.ts";

/** What is known of a directory at an address, and how its files are fetched. */
export interface UrlDirectoryOptions extends TransferOptions {
  /** What errors call the directory; its address by default. */
  readonly name?: string;
  /** Tells this state of the directory from others, such as a commit. */
  readonly version?: string;
  /** The files that there are. Without it the server is asked for each, since folders cannot be listed over HTTP. */
  readonly files?: readonly string[];
  /** Hashes of files' contents by their names, as far as they are known (see `ModelDirectory.hashOf`). */
  readonly hashes?: Readonly<Record<string, string>>;
}

/**
 * Opens a file at an address for reading by range: forward reads share requests, broken ones go on where they broke. A
 * server without ranges is read in one pass.
 *
 * @param url absolute, or relative to the page.
 * @throws TransferError naming the address and what to do.
 */
export async function urlSource(url: string | URL, options: TransferOptions = {}): Promise<ByteSource> {
  const address = absolute(url);
  const name = shownUrl(address);
  const meter = new ProgressMeter(options.onProgress);
  return HttpFile.open(address, options, (size) => meter.begin(name, size), name);
}

/**
 * A model's folder at an address, such as `https://example.org/models/gpt2/`. Nothing is fetched before a file is asked
 * for; a query of the address goes with every file.
 *
 * @throws TransferError when the address is none.
 */
export async function urlDirectory(base: string | URL, options: UrlDirectoryOptions = {}): Promise<ModelDirectory> {
  return new UrlDirectory(absolute(base), options);
}

/** Names that models' files have; a server is asked for these when all are wanted. */
export const USUAL_FILES: readonly string[] = [
  "config.json",
  "generation_config.json",
  "merges.txt",
  "model.safetensors",
  "model.safetensors.index.json",
  "preprocessor_config.json",
  "special_tokens_map.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.json",
  "vocab.txt",
];

class UrlDirectory implements ModelDirectory {
  readonly name: string;
  readonly version: string | undefined;
  readonly #base: URL;
  readonly #meter: ProgressMeter;
  readonly #present = new Map<string, Promise<boolean>>();

  constructor(
    base: string,
    private readonly options: UrlDirectoryOptions,
  ) {
    this.#base = new URL(base);
    if (!this.#base.pathname.endsWith("/")) this.#base.pathname += "/";
    this.name = options.name ?? shownUrl(this.#base.href).replace(/\/$/, "");
    this.version = options.version;
    this.#meter = new ProgressMeter(options.onProgress);
  }

  async list(): Promise<string[]> {
    if (this.options.files) return [...this.options.files].sort();
    const found: string[] = [];
    const ask = async (file: string) => {
      if (await this.has(file)) found.push(file);
    };
    await Promise.all(USUAL_FILES.map(ask));
    const index = found.find((file) => file.endsWith(".index.json"));
    if (index) {
      const { weight_map: shards = {} } = JSON.parse(await this.readText(index)) as { weight_map?: object };
      await Promise.all([...new Set(Object.values(shards))].map((shard) => ask(String(shard))));
    }
    return found.sort();
  }

  async has(file: string): Promise<boolean> {
    const url = this.#url(file);
    if (this.options.files) return this.options.files.includes(file);
    let present = this.#present.get(file);
    if (!present) {
      present = retrying(this.options, () => exists(url, this.options));
      this.#present.set(file, present);
      present.catch(() => this.#present.delete(file));
    }
    return present;
  }

  async readText(file: string): Promise<string> {
    const url = this.#url(file);
    const count = countOnce((size) => this.#meter.begin(file, size));
    const bytes = await retrying(this.options, async () => {
      const answer = await request(url, {}, this.options);
      try {
        assertAnswered(url, answer);
        return await (await readAll(answer, count())).arrayBuffer();
      } finally {
        answer.cancel();
      }
    });
    return decodeText(shownUrl(url), new Uint8Array(bytes));
  }

  async open(file: string): Promise<ByteSource> {
    const begin = (size: number) => this.#meter.begin(file, size);
    return HttpFile.open(this.#url(file), this.options, begin, `${this.name}/${file}`);
  }

  hashOf(file: string): string | undefined {
    const { hashes } = this.options;
    return hashes && Object.hasOwn(hashes, file) ? hashes[file] : undefined;
  }

  #url(file: string): string {
    assertPlainFileName(this.name, file);
    const url = new URL(this.#base);
    url.pathname += encodeURIComponent(file);
    return url.href;
  }
}

/** Whether there is a file, by its head; by its first byte where the server gives no heads. */
async function exists(url: string, options: TransferOptions): Promise<boolean> {
  let answer = await request(url, { method: "HEAD" }, options);
  answer.cancel();
  if ([403, 405, 501].includes(answer.status)) {
    answer = await request(url, { headers: { Range: "bytes=0-0" } }, options);
    answer.cancel();
  }
  const { status, headers } = answer;
  if (status === 404 || status === 410 || (status < 300 && isPageInstead(url, headers))) return false;
  if (status !== 416) assertAnswered(url, answer); // 416: an empty file has no first byte
  return true;
}

function absolute(url: string | URL): string {
  try {
    return new URL(url, globalThis.location?.href).href;
  } catch {
    throw new TransferError(String(url), "this is not an address; expected one such as https://example.org/model/");
  }
}
