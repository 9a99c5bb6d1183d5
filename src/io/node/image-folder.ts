import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { sortLabels } from "../datasets/datasets.ts";
import {
  type ImageData,
  type ImageDataOptions,
  type ImageDataset,
  type ImageExample,
  withLabels,
} from "../images/dataset.ts";
import { decodeImageFile, isImageFile } from "./decode-image.ts";

/** Files decoded at the same time. */
const CONCURRENCY = 4;
const VALIDATION_NAMES = ["valid", "val", "validation", "test"];

/** Image files below a folder by path, sorted; hidden ones are left out. */
export async function listImages(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await visibleEntries(folder)) {
    const path = join(folder, entry.name);
    if (await isFolder(entry, path)) files.push(...(await listImages(path)));
    else if (isImageFile(entry.name)) files.push(path);
  }
  return files;
}

type Entry = { name: string; isDirectory(): boolean; isSymbolicLink(): boolean };

async function visibleEntries(folder: string): Promise<Entry[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter(({ name }) => !name.startsWith("."))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

async function isFolder(entry: Entry, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return readdir(path).then(
    () => true,
    () => false,
  );
}

async function subfolders(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await visibleEntries(folder)) {
    if (await isFolder(entry, join(folder, entry.name))) names.push(entry.name);
  }
  return names;
}

/**
 * Reads a folder of images by class, `FOLDER/cat/1.png`, or two of them, `FOLDER/train/cat/1.png` and
 * `FOLDER/valid/cat/2.png`. Classes and files come in sorted order.
 *
 * @throws naming the file that cannot be decoded, a class without images, or what the folder lacks.
 */
export async function readImageFolder(folder: string, options: ImageDataOptions = {}): Promise<ImageData> {
  const names = await subfolders(folder);
  const valid = VALIDATION_NAMES.find((name) => names.includes(name));
  const isSplit = names.includes("train") && names.every((name) => name === "train" || VALIDATION_NAMES.includes(name));
  if (!isSplit) return { train: await readClasses(folder, names, options), valid: null };
  const part = async (name: string, known: ImageDataOptions): Promise<ImageDataset> =>
    readClasses(join(folder, name), await subfolders(join(folder, name)), known);
  const train = await part("train", options);
  return { train, valid: valid ? await part(valid, { ...options, labels: train.labels }) : null };
}

async function readClasses(
  folder: string,
  names: readonly string[],
  { labels, prepare = (image) => image }: ImageDataOptions,
): Promise<ImageDataset> {
  if (names.length === 0) throw new Error(`${folder}: there is no folder of a class, such as ${join(folder, "cat")}`);
  const own = sortLabels(names);
  const known = labels && new Set(labels);
  const places: { path: string; label: string }[] = [];
  for (const label of own) {
    const files = await listImages(join(folder, label));
    if (files.length === 0) throw new Error(`${join(folder, label)}: there are no images (.png, .jpg, .jpeg, .webp)`);
    places.push(...files.map((path) => ({ path, label })));
  }
  const other = known && places.find(({ label }) => !known.has(label));
  // Said before anything is decoded.
  if (other)
    withLabels(
      { examples: [{ name: other.path, label: other.label } as ImageExample], labels: own, isNumbered: false },
      labels,
    );
  const images = await mapInOrder(places, async ({ path }) => prepare(await decodeImageFile(path)));
  const examples = places.map(({ path, label }, i) => ({ name: path, label, image: images[i] }));
  return { examples, labels: labels ?? own, isNumbered: false };
}

/** Runs a few at a time. The error of the first that fails, in order, is the one that is thrown. */
export async function mapInOrder<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  for (let begin = 0; begin < items.length; begin += CONCURRENCY) {
    const some = await Promise.allSettled(items.slice(begin, begin + CONCURRENCY).map(work));
    for (const [i, result] of some.entries()) {
      if (result.status === "rejected") throw result.reason;
      results[begin + i] = result.value;
    }
  }
  return results;
}
