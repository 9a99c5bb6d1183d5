import type { Checkpoint } from "../safetensors/checkpoint.ts";
import { SafetensorsError } from "../safetensors/error.ts";
import { type ImageDataOptions, type ImageDataset, numberedDataset } from "./dataset.ts";
import { fromInterleaved, type Image, makeImage } from "./image.ts";

/** Where a pack's metadata may have the names of its classes. */
const NAME_KEYS = ["classes", "class_names", "labels", "id2label"];

/**
 * Reads images with classes from safetensors: `images` [N, C, H, W] U8 (or [N, H, W, C] with the metadata's `layout`
 * "NHWC") and `labels` [N] of integers. The names of the classes stand in the metadata as `classes`, a JSON list; without
 * them classes are called by their numbers.
 *
 * @throws SafetensorsError naming file and tensor where it is another thing.
 */
export async function readImagePack(file: Checkpoint, options: ImageDataOptions = {}): Promise<ImageDataset> {
  const name = file.files.join(", ");
  const images = await readPackImages(file);
  return numberedDataset(name, images, await readLabels(file, name), readNames(file, name), options);
}

/** The images of a pack alone. */
export async function readPackImages(file: Checkpoint): Promise<Image[]> {
  const name = file.files.join(", ");
  const { dtype, shape, begin } = file.info("images");
  const refuse = (problem: string): never => {
    throw new SafetensorsError(name, problem, { tensor: "images", byte: begin });
  };
  const isInterleaved = /^nhwc/i.test(file.metadata.get("layout") ?? "");
  const layout = isInterleaved ? "[N, H, W, C]" : "[N, C, H, W]";
  if (dtype !== "U8" || shape.length !== 4) refuse(`${dtype} of shape [${shape.join(", ")}], expected U8 ${layout}`);
  const [count, channels, height, width] = isInterleaved ? [shape[0], shape[3], shape[1], shape[2]] : shape;
  if (channels !== 1 && channels !== 3) refuse(`${channels} channels in ${layout}, expected 1 or 3`);
  const size = channels * height * width;
  if (size === 0) refuse(`shape [${shape.join(", ")}] has no pixels`);
  const data = await file.readBytes("images");
  return Array.from({ length: count }, (_, i) => {
    const pixels = data.subarray(i * size, (i + 1) * size);
    return isInterleaved
      ? fromInterleaved(channels, height, width, pixels)
      : makeImage(channels, height, width, pixels);
  });
}

async function readLabels(file: Checkpoint, name: string): Promise<Int32Array> {
  const { dtype, shape, begin } = file.info("labels");
  const refuse = (problem: string): never => {
    throw new SafetensorsError(name, problem, { tensor: "labels", byte: begin });
  };
  if (!/^[IU]\d+$/.test(dtype) || shape.length !== 1) {
    refuse(`${dtype} of shape [${shape.join(", ")}], expected integers [N]`);
  }
  const values = Array.from(await file.readArray("labels"), Number);
  const odd = values.findIndex((value) => value < 0 || value >= 2 ** 31);
  if (odd >= 0) refuse(`class ${values[odd]} at place ${odd}, expected numbers from 0`);
  return Int32Array.from(values);
}

function readNames(file: Checkpoint, name: string): string[] | null {
  const key = NAME_KEYS.find((candidate) => file.metadata.has(candidate));
  if (key === undefined) return null;
  let names: unknown;
  try {
    names = JSON.parse(file.metadata.get(key)!);
  } catch {
    names = null;
  }
  if (names !== null && typeof names === "object" && !Array.isArray(names)) {
    names = Object.keys(names).map((_, index) => (names as Record<string, unknown>)[index]);
  }
  const isNames =
    Array.isArray(names) && names.length > 0 && names.every((one) => typeof one === "string" && one !== "");
  if (!isNames || new Set(names as string[]).size < (names as string[]).length) {
    throw new SafetensorsError(name, `metadata "${key}": expected a JSON list of different class names`);
  }
  return names as string[];
}
