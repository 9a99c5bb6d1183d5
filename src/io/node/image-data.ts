import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ByteSource } from "../byte-source.ts";
import { type ImageData, type ImageDataOptions, type ImageDataset, numberedDataset } from "../images/dataset.ts";
import { idxImages, idxLabelNames, idxLabels, isIdxImages, parseIdx } from "../images/idx.ts";
import type { Image } from "../images/image.ts";
import { readImagePack, readPackImages } from "../images/pack.ts";
import { SafetensorsFile } from "../safetensors/reader.ts";
import { decodeImage, decodeImageFile, isImageFile } from "./decode-image.ts";
import { openFile } from "./files.ts";
import { listImages, mapInOrder, readImageFolder } from "./image-folder.ts";

/** An image, and what to call it. */
export interface NamedImage {
  readonly name: string;
  readonly image: Image;
}

const FORMS = "a folder of folders by class, idx images (NAME-images-idx3-ubyte) or a .safetensors file";

/**
 * Reads labelled images: a folder of folders named by class, with or without `train` and `valid` above them; a folder
 * of idx files (`train-…` for training, `t10k-…` for validation); a file of idx images, whose labels lie beside it; or
 * a safetensors file with `images` and `labels`.
 *
 * @throws naming file and byte, tensor or entry of what is wrong.
 */
export async function readImageData(path: string, options: ImageDataOptions = {}): Promise<ImageData> {
  if (!(await isFolder(path))) return { train: await readFileOf(path, options), valid: null };
  const idx = await listIdx(path);
  if (idx.length === 0) return readImageFolder(path, options);
  const train = idx.find((name) => /(^|\W)train/.test(name)) ?? idx[0];
  const others = idx.filter((name) => name !== train && name.replace(/\.gz$/, "") !== train.replace(/\.gz$/, ""));
  if (others.length > 1) throw new Error(`${path}: more than two files of images: ${idx.join(", ")}; name one of them`);
  const dataset = await readIdx(join(path, train), options);
  const known = { ...options, labels: dataset.labels };
  return { train: dataset, valid: others.length > 0 ? await readIdx(join(path, others[0]), known) : null };
}

/** Reads images without their classes, with what to call them: of image files, or of what {@link readImageData} takes. */
export async function readImages(path: string): Promise<NamedImage[]> {
  if (await isFolder(path)) {
    const [idx] = await listIdx(path);
    if (idx !== undefined) return readImages(join(path, idx));
    const files = await listImages(path);
    if (files.length === 0) throw new Error(`${path}: there are no images (.png, .jpg, .jpeg, .webp)`);
    return mapInOrder(files, async (name) => ({ name, image: await decodeImageFile(name) }));
  }
  if (isImageFile(path) || isPack(path) || isIdxImages(path)) return readImagesOf(await openFile(path));
  throw new Error(`${path}: expected an image, ${FORMS}`);
}

/**
 * Reads the images of one file and closes it: by its name a safetensors file of images or idx images, else an image.
 *
 * @throws naming the file when it is none of them.
 */
export async function readImagesOf(source: ByteSource): Promise<NamedImage[]> {
  const { name } = source;
  const named = (images: readonly Image[]) => images.map((image, i) => ({ name: `${name}[${i}]`, image }));
  try {
    if (isPack(name)) return named(await readPackImages(await SafetensorsFile.open(source)));
    const bytes = await source.read(0, source.size);
    if (isIdxImages(name)) return named(idxImages(name, await parseIdx(name, bytes)));
    return [{ name, image: await decodeImage(bytes, name) }];
  } finally {
    await source.close();
  }
}

const isPack = (path: string): boolean => path.endsWith(".safetensors");

/** @throws naming the path when there is nothing. */
async function isFolder(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  if (!status) throw new Error(`${path}: no such file or directory`);
  return status.isDirectory();
}

const listIdx = async (folder: string): Promise<string[]> => (await readdir(folder)).filter(isIdxImages).sort();

async function readFileOf(path: string, options: ImageDataOptions): Promise<ImageDataset> {
  if (isIdxImages(path)) return readIdx(path, options);
  if (!isPack(path)) throw new Error(`${path}: expected ${FORMS}`);
  const file = await SafetensorsFile.open(await openFile(path));
  try {
    return await readImagePack(file, options);
  } finally {
    await file.close();
  }
}

async function readIdx(path: string, options: ImageDataOptions): Promise<ImageDataset> {
  const folder = dirname(path);
  const candidates = idxLabelNames(basename(path));
  const present = new Set(await readdir(folder));
  const labels = candidates.find((name) => present.has(name));
  if (labels === undefined) throw new Error(`${path}: its labels are missing: there is no ${candidates.join(" nor ")}`);
  const images = idxImages(path, await parseIdx(path, await readFile(path)));
  const file = join(folder, labels);
  return numberedDataset(path, images, idxLabels(file, await parseIdx(file, await readFile(file))), null, options);
}
