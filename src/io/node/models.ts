import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ModelDirectory } from "../directory.ts";
import { hubDirectory, isHubId } from "../hub/index.ts";
import {
  type CacheOptions,
  cachedDirectory,
  type RemoteDirectory,
  shownUrl,
  type TransferOptions,
  USUAL_FILES,
  urlDirectory,
} from "../remote/index.ts";
import { cacheFolder, type Environment, readTextIfAny, writeTextWithFolders } from "./cache.ts";
import { NodeDirectory } from "./directory.ts";
import { NodeStore } from "./store.ts";

/** Where a model lies: a folder on disk, an address, or the Hub. */
export type ModelPlace =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "hub"; readonly id: string };

/** In what state a model is opened, how it is downloaded, and what is kept. */
export interface ModelDirectoryOptions extends Omit<TransferOptions, "headers">, Pick<CacheOptions, "keeps"> {
  /** A branch, a tag or a commit of a model on the Hub. Default `main`. */
  readonly revision?: string;
  /** Ask anew for a model that was downloaded before. Default false: what is there needs no network. */
  readonly refresh?: boolean;
  /**
   * `HF_TOKEN`, an access token of the Hub for private and gated models; `HF_ENDPOINT`, the address of a mirror;
   * `GRAFT_CACHE`, the folder of downloads (see `cacheFolder`). Default: those of the process.
   */
  readonly env?: Environment;
}

/** The page of a model on the Hub, which people copy: its files lie elsewhere. */
const HUB_PAGE = /^https:\/\/huggingface\.co\/([^/?#]+\/[^/?#]+)\/?$/i;

/**
 * What a text names: a path that is there before all else, then an address of a folder (`https://…`), then what has the
 * form of a name on the Hub (`owner/name`), or is the address of its page there. Anything else is a path.
 */
export async function placeOfModel(text: string): Promise<ModelPlace> {
  if (await isThere(text)) return { kind: "path", path: text };
  const id = HUB_PAGE.exec(text)?.[1];
  if (id !== undefined && isHubId(id)) return { kind: "hub", id };
  if (/^https?:\/\//i.test(text)) return { kind: "url", url: text };
  const isFile = /\.(safetensors|json)$/i.test(text);
  return isHubId(text) && !isFile ? { kind: "hub", id: text } : { kind: "path", path: text };
}

/**
 * Opens a model by its path, its address or its name on the Hub, as {@link placeOfModel} tells them apart. What comes over
 * the network is kept in the user's cache and opens from there without a network, of the Hub in the state of the commit that
 * `revision` named first. Weights are downloaded when they are first read, the small files at once. A download that was cut
 * short goes on where it was.
 *
 * Models of the Hub need the package `@huggingface/hub`, installed beside this one.
 *
 * @throws Error that says what is not there, or why it cannot be had.
 */
export async function modelDirectory(model: string, options: ModelDirectoryOptions = {}): Promise<ModelDirectory> {
  if (typeof model !== "string" || model === "") {
    const given = model === "" ? "an empty text" : String(model);
    throw new TypeError(`modelDirectory: expected a path, an address or a name on the Hub, got ${given}`);
  }
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`modelDirectory: expected options as an object, got ${options}`);
  }
  const place = await placeOfModel(model);
  if (options.revision !== undefined) assertRevision(model, place, options.revision);
  switch (place.kind) {
    case "path":
      return NodeDirectory.open(place.path);
    case "url":
      return fromUrl(place.url, options);
    case "hub":
      return fromHub(place.id, options);
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

function assertRevision(model: string, { kind }: ModelPlace, revision: string): void {
  if (kind !== "hub") {
    const what = kind === "url" ? "an address" : "a path";
    throw new Error(`${model} is ${what}; a revision goes with a model of the Hub alone`);
  }
  if (!/^[\w.][\w./+-]*$/.test(revision) || /\.\.|\/\/|\/$/.test(revision)) {
    throw new Error(`${JSON.stringify(revision)} is no revision; expected a branch, a tag or a commit`);
  }
}

/** The folder of the models that were downloaded. */
const modelsFolder = ({ env = process.env }: Pick<ModelDirectoryOptions, "env">): string =>
  join(cacheFolder(env), "models");

/** The folder of the models that were downloaded, and the bytes that they take, unfinished ones included. */
export async function downloadedModels(env?: Environment): Promise<{ path: string; bytes: number }> {
  const path = modelsFolder({ env });
  const entries = await readdir(path, { recursive: true }).catch(() => []);
  const sizes = new Map<string, number>();
  const look = async (entry: string): Promise<void> => {
    const status = await stat(join(path, entry), { bigint: true }).catch(() => undefined); // removed since it was listed
    // A file that several commits share has as many names, and takes its room once.
    if (status?.isFile()) sizes.set(`${status.dev} ${status.ino}`, Number(status.size));
  };
  await Promise.all(entries.map(look));
  return { path, bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0) };
}

async function fromUrl(url: string, options: ModelDirectoryOptions): Promise<ModelDirectory> {
  const remote = await urlDirectory(url, transferOf(options));
  const folder = join(modelsFolder(options), "url", folderOf(url));
  // Until there are weights the network is needed anyway, and what was missing may have come.
  const refresh = options.refresh || !(await holdsWeights(folder));
  // Of an address that gives nothing no folder is left, and no old file is taken for a new one.
  if (refresh && !(await remote.has("config.json"))) return remote;
  return kept(remote, folder, { ...options, refresh });
}

const holdsWeights = async (folder: string): Promise<boolean> =>
  (await readdir(folder).catch(() => [])).some((file) => file.endsWith(".safetensors"));

/** A folder's name for an address: readable, and different for each. */
function folderOf(url: string): string {
  const readable = shownUrl(url)
    .replace(/^https?:\/\//i, "")
    .replace(/[^\w.-]+/g, "-")
    .replace(/^[.-]+|-+$/g, "")
    .slice(0, 80);
  return `${readable}-${createHash("sha256").update(url).digest("hex").slice(0, 12)}`;
}

async function fromHub(id: string, options: ModelDirectoryOptions): Promise<ModelDirectory> {
  const { env = process.env, revision = "main", refresh } = options;
  const accessToken = env.HF_TOKEN?.trim() || undefined;
  const hubUrl = env.HF_ENDPOINT?.trim() || undefined;
  const ask = (state: string): Promise<ModelDirectory> =>
    hubDirectory(id, { ...transferOf(options), revision: state, accessToken, hubUrl });
  const others = () => commitsIn(folder);
  const keep = (remote: RemoteDirectory, commit: string): Promise<ModelDirectory> =>
    kept(remote, join(folder, commit), { ...options, refresh: false, others }); // a commit does not change
  const folder = join(modelsFolder(options), "hub", id.replace("/", "--"));
  const pin = join(folder, "revisions", `${encodeURIComponent(revision)}.txt`);
  try {
    const known = isCommit(revision) ? revision : (await readTextIfAny(pin))?.trim();
    const isKept = known !== undefined && isCommit(known) && (await isThere(join(folder, known)));
    if (isKept && !refresh) return await keep((commit) => ask(commit ?? known), known);
    const remote = await ask(revision).catch((error: Error) => {
      const before = options.revision === undefined ? `${id}: there is no such directory. As a model of the Hub: ` : "";
      const after = isKept ? ". What was downloaded before is taken when it is not asked for anew" : "";
      throw new Error(`${before}${error.message}${after}`, { cause: error });
    });
    const commit = remote.version ?? "";
    if (!isCommit(commit)) throw new Error(`${id}: the Hub names no commit, but ${JSON.stringify(commit)}`);
    const directory = await keep(remote, commit);
    if (!isCommit(revision)) await writeTextWithFolders(pin, `${commit}\n`);
    return directory;
  } catch (error) {
    options.signal?.throwIfAborted();
    throw withTokenHint(error as Error, accessToken !== undefined);
  }
}

const isCommit = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/** The folders of a model's commits, of which one may have what another wants. */
async function commitsIn(folder: string): Promise<NodeDirectory[]> {
  const commits = (await readdir(folder)).filter(isCommit);
  return Promise.all(commits.map((commit) => NodeDirectory.open(join(folder, commit))));
}

/** The error of a refused access with where the token comes from. */
function withTokenHint(error: Error, isSent: boolean): Error {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { status, statusCode = status } = cause as { status?: number; statusCode?: number };
    if (statusCode !== 401 && statusCode !== 403) continue;
    const hint = isSent ? "the token of HF_TOKEN was sent" : "a token is taken from HF_TOKEN";
    return new Error(`${error.message} (${hint})`, { cause: error });
  }
  return error;
}

/** What the transfers take of the options; progress is counted where the bytes are kept. */
function transferOf({ fetch, signal, retries, retryDelay, stallTimeout }: ModelDirectoryOptions): TransferOptions {
  return { fetch, signal, retries, retryDelay, stallTimeout };
}

/** Everything that may be read of a model besides its weights; the last two are OpenAI's names of a tokenizer's files. */
const SMALL_FILES = [...USUAL_FILES.filter((file) => !file.endsWith(".safetensors")), "encoder.json", "vocab.bpe"];

/** The directory behind a copy of its own in a folder of the cache. */
async function kept(
  remote: RemoteDirectory,
  folder: string,
  { signal, onProgress, refresh, keeps, others }: CacheOptions,
): Promise<ModelDirectory> {
  const options = { signal, onProgress, refresh, keeps, others };
  const directory = await cachedDirectory(remote, await NodeStore.open(folder), options);
  // Taken at once, so that whatever is done with the model, now or later, finds them without a network.
  for (const file of SMALL_FILES) if (await directory.has(file)) await (await directory.open(file)).close();
  return directory;
}
