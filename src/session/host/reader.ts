import { hashValues } from "../../finetune/examples.ts";
import { decodeImage } from "../../io/browser/decode-image.ts";
import {
  type CacheOptions,
  cachedDirectory,
  OpfsDirectory,
  type RemoteDirectory,
  urlDirectory,
} from "../../io/browser/index.ts";
import {
  blobSource,
  decodeText,
  type Image,
  type ImageData,
  type ImageDataOptions,
  type ImageDataset,
  MemoryDirectory,
  type ModelDirectory,
  readImagePack,
  SafetensorsFile,
  sortLabels,
  withLabels,
} from "../../io/index.ts";
import { StorageFullError } from "../../io/remote/store.ts";
import type { DataSource, FineTuneJob, LabelledImage, ModelSource } from "../../jobs/index.ts";
import type { JobReader } from "../../jobs/tasks/task-run.ts";
import { openModelDirectory } from "../../models/loading.ts";

export interface ReaderOptions {
  /** Bytes that come over the network. */
  readonly onDownload?: (file: string, loaded: number, total: number) => void;
  /** Whether what is downloaded stays in the origin's private file system. */
  readonly isCached: boolean;
  /** Where a model lies that came as files, once the run has kept them. */
  readonly keptModel?: (name: string) => ModelDirectory;
}

/** Reads a job's sources where the session works: from the network, from what a person gave, from what the origin keeps. */
export function sessionReader(options: ReaderOptions): JobReader {
  return {
    model: (source) => openModel(source, options),
    text: readText,
    images: readImages,
  };
}

async function openModel(source: ModelSource, options: ReaderOptions): Promise<ModelDirectory> {
  const { keptModel } = options;
  switch (source.kind) {
    case "path":
      return openModelDirectory(source.path);
    case "files":
      if (Object.keys(source.files).length === 0 && keptModel) return keptModel(source.name);
      return new MemoryDirectory(source.name, source.files);
    case "opfs":
      return OpfsDirectory.open(source.path);
    case "url": {
      const progress = options.isCached ? undefined : progressOf(options);
      const remote = await urlDirectory(source.url, { files: source.files, onProgress: progress });
      return options.isCached ? cached(remote, `url/${remote.name}`, options) : remote;
    }
    case "hub": {
      const { hubDirectory } = await import("../../io/hub/index.ts");
      const { id, revision = "main" } = source;
      if (!options.isCached) return hubDirectory(id, { revision, onProgress: progressOf(options) });
      // The Hub is asked only for what is missing, and then for the commit of what is there.
      const open = (commit?: string) => hubDirectory(id, { revision: commit ?? revision });
      return cached(open, `hub/${id}@${revision}`, options, () => revisionsOf(id));
    }
  }
}

const progressOf =
  ({ onDownload }: ReaderOptions) =>
  ({ file, loaded, total }: { file: string; loaded: number; total: number }): void =>
    onDownload?.(file, loaded, total);

/** The directory behind a copy of its own in the origin's private file system. */
async function cached(
  remote: RemoteDirectory,
  name: string,
  options: ReaderOptions,
  others?: CacheOptions["others"],
): Promise<ModelDirectory> {
  const path = name.replace(/[^\w./@-]+/g, "-").replace(/\.{2,}/g, ".");
  let folder: OpfsDirectory;
  try {
    folder = await OpfsDirectory.open(`models/${path}`, { create: true });
  } catch (error) {
    if (!(error instanceof StorageFullError)) throw error;
    // What cannot be kept is read from where it comes.
    return typeof remote === "function" ? remote(undefined) : remote;
  }
  return cachedDirectory(remote, folder, { onProgress: progressOf(options), others });
}

/** The folders of a model of the Hub, one for each revision that was asked for. */
async function revisionsOf(id: string): Promise<OpfsDirectory[]> {
  const [name, ...owner] = id.split("/").reverse();
  const parent = ["models/hub", ...owner].join("/");
  const folders = await (await OpfsDirectory.open(parent)).folders();
  const own = folders.filter((folder) => folder.startsWith(`${name}@`));
  return Promise.all(own.map((folder) => OpfsDirectory.open(`${parent}/${folder}`)));
}

async function download(url: string): Promise<Blob> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new Error(`${url}: cannot be reached: ${(error as Error).message}`, { cause: error });
  }
  if (!response.ok) throw new Error(`${url}: the server answered ${response.status} ${response.statusText}`.trim());
  return response.blob();
}

async function readText(source: DataSource): Promise<string> {
  if (source.kind === "text") return source.text;
  if (source.kind !== "url") throw new Error(`data of the kind ${source.kind} holds no texts`);
  return decodeText(source.url, new Uint8Array(await (await download(source.url)).arrayBuffer()));
}

async function readImages(source: DataSource, options: ImageDataOptions): Promise<ImageData> {
  switch (source.kind) {
    case "pack":
      return { train: await readPack(source.name, source.file, options), valid: null };
    case "url":
      return { train: await readPack(source.url, await download(source.url), options), valid: null };
    case "images":
      return { train: await readLabelled(source.name, source.images, options), valid: null };
    default:
      throw new Error(`data of the kind ${source.kind} holds no images`);
  }
}

async function readPack(name: string, file: Blob, options: ImageDataOptions): Promise<ImageDataset> {
  const opened = await SafetensorsFile.open(blobSource(name, file));
  try {
    return await readImagePack(opened, options);
  } finally {
    await opened.close();
  }
}

/** Decodes what has to be decoded; pixels stay as they are. */
export const imageOf = (image: Blob | Image, name: string): Promise<Image> =>
  image instanceof Blob ? decodeImage(image, name) : Promise.resolve(image);

async function readLabelled(
  file: string,
  images: readonly LabelledImage[],
  { labels, prepare = (image) => image }: ImageDataOptions,
): Promise<ImageDataset> {
  if (images.length === 0) throw new Error(`${file}: there are no images`);
  const examples = [];
  for (const [i, { image, label, name = `${file}[${i}]` }] of images.entries()) {
    examples.push({ name, label, image: prepare(await imageOf(image, name)) });
  }
  const own = sortLabels(examples.map(({ label }) => label));
  const dataset = { examples, labels: own, isNumbered: false };
  return labels ? withLabels(dataset, labels) : dataset;
}

/** What the reading of a job depends on, as a text: two jobs of one key have the same data and model. */
export function readingKey({ task, model, data, valid, settings = {} }: FineTuneJob): string {
  const { validFraction, labelColumn, textColumn, augment, imageSize, maxLength, newHead, seed } = settings;
  const used = { validFraction, labelColumn, textColumn, augment, imageSize, maxLength, newHead, seed };
  return JSON.stringify([task, model, data, valid, used], (_key, value) => {
    if (value instanceof Blob) return [value.size, value.type, (value as File).name, (value as File).lastModified];
    return value instanceof Uint8Array ? [value.length, hashValues(value)] : value;
  });
}
