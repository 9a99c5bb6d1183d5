import { fromInterleaved, type Image, makeImage } from "./image.ts";

/** An array of bytes from an idx file, as MNIST comes. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const UNSIGNED_BYTES = 0x08;

/** Whether a file's name is that of idx images: `train-images-idx3-ubyte`, `t10k-images.idx3-ubyte.gz`. */
export const isIdxImages = (name: string): boolean => /images[-.]idx\d-ubyte(\.gz)?$/.test(name);

/** Names that the labels of a file of images may have. */
export function idxLabelNames(name: string): string[] {
  const labels = name.replace(/images([-.]idx)\d/, "labels$11");
  const plain = labels.replace(/\.gz$/, "");
  return [labels, labels === plain ? `${plain}.gz` : plain];
}

/**
 * Reads an idx file of unsigned bytes: two zero bytes, the type, the rank, each dimension as four bytes, big end
 * first, and the values. Gzipped files are unpacked.
 *
 * @throws naming file and byte where it is none.
 */
export async function parseIdx(file: string, contents: Uint8Array): Promise<IdxArray> {
  const isPacked = contents[0] === 0x1f && contents[1] === 0x8b;
  const bytes = isPacked ? await gunzip(file, contents) : contents;
  const fail = (byte: number, problem: string): never => {
    throw new Error(`${file}: byte ${byte}${isPacked ? " of the unpacked file" : ""}: ${problem}`);
  };
  if (bytes.length < 4) fail(bytes.length, "the file ends within the header");
  if (bytes[0] !== 0 || bytes[1] !== 0) fail(0, "not an idx file: it does not begin with two zero bytes");
  if (bytes[2] !== UNSIGNED_BYTES) fail(2, `type 0x${bytes[2].toString(16)}, expected 0x8: unsigned bytes`);
  const rank = bytes[3];
  if (rank < 1 || rank > 4) fail(3, `${rank} dimensions, expected 1 to 4`);
  const begin = 4 + 4 * rank;
  if (bytes.length < begin) fail(bytes.length, "the file ends within the header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, length) => product * length, 1);
  if (bytes.length - begin !== size) {
    fail(begin, `shape [${shape.join(", ")}] takes ${size} bytes, there are ${bytes.length - begin}`);
  }
  return { shape, data: bytes.subarray(begin) };
}

async function gunzip(file: string, bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw new Error(`${file}: cannot be unpacked: ${(error as Error).message}`);
  }
}

/**
 * Images of an idx array: [count, height, width] grey, or [count, height, width, channels], or
 * [count, channels, height, width], with 1 or 3 channels.
 */
export function idxImages(file: string, { shape, data }: IdxArray): Image[] {
  const [count, ...rest] = shape;
  const size = rest.reduce((product, length) => product * length, 1);
  const isChannels = (length: number): boolean => length === 1 || length === 3;
  const imageOf =
    rest.length === 2
      ? (pixels: Uint8Array) => makeImage(1, rest[0], rest[1], pixels)
      : rest.length === 3 && isChannels(rest[2])
        ? (pixels: Uint8Array) => fromInterleaved(rest[2], rest[0], rest[1], pixels)
        : rest.length === 3 && isChannels(rest[0])
          ? (pixels: Uint8Array) => makeImage(rest[0], rest[1], rest[2], pixels)
          : null;
  if (!imageOf || size === 0) {
    throw new Error(
      `${file}: shape [${shape.join(", ")}], expected [count, height, width], or one more axis of 1 or 3 channels`,
    );
  }
  return Array.from({ length: count }, (_, i) => imageOf(data.subarray(i * size, (i + 1) * size)));
}

/** Class numbers of an idx array [count]. */
export function idxLabels(file: string, { shape, data }: IdxArray): Uint8Array {
  if (shape.length !== 1) throw new Error(`${file}: shape [${shape.join(", ")}], expected [count] class numbers`);
  return data;
}
