import { bitsPerElement, isSafetensorsDtype, type SafetensorsDtype } from "./dtype.ts";
import { quoted, SafetensorsError } from "./error.ts";
import { JsonScanner, type Refuse } from "./json-scanner.ts";

/** Largest header the official parser accepts, in bytes. */
export const MAXIMUM_HEADER_BYTES = 100_000_000;
/** Bytes before the header: its length, a little-endian u64. */
export const PREFIX_BYTES = 8;
/** Key of the header that holds the metadata, and so is no tensor's name. */
export const METADATA_KEY = "__metadata__";

/** No real tensor comes near; without a bound one header could make an array of fifty million dimensions. */
const MAXIMUM_RANK = 1024;

/** One tensor of a file. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Number of elements: the product of the shape. */
  readonly size: number;
  /** First byte of the data, counted from the start of the file. */
  readonly begin: number;
  /** Byte after the last of the data, counted from the start of the file. */
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Length of the JSON header from the first eight bytes of a file.
 * @throws SafetensorsError when it is zero, above {@link MAXIMUM_HEADER_BYTES} or beyond the end of the file.
 */
export function parseHeaderLength(prefix: Uint8Array, file: string, fileSize: number): number {
  if (fileSize < PREFIX_BYTES || prefix.length < PREFIX_BYTES) {
    throw new SafetensorsError(file, `the file has ${fileSize} bytes, too few for a header length`, { byte: 0 });
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES).getBigUint64(0, true);
  if (length === 0n) throw new SafetensorsError(file, "the header length is 0", { byte: 0 });
  if (length > BigInt(MAXIMUM_HEADER_BYTES)) {
    const isPointer = String.fromCharCode(...prefix.subarray(0, PREFIX_BYTES)) === "version ";
    const hint = isPointer ? "; this looks like a Git LFS pointer, not the file it stands for" : "";
    const problem = `the header length ${length} is above the limit of ${MAXIMUM_HEADER_BYTES} bytes${hint}`;
    throw new SafetensorsError(file, problem, { byte: 0 });
  }
  if (PREFIX_BYTES + Number(length) > fileSize) {
    throw new SafetensorsError(file, `the header of ${length} bytes goes beyond the file's ${fileSize} bytes`, {
      byte: 0,
    });
  }
  return Number(length);
}

/**
 * Parses the JSON header and checks that its tensors cover the rest of the file exactly: no overlap, no hole,
 * nothing missing, nothing left over.
 * @param bytes the header alone, without the eight bytes of its length.
 * @throws SafetensorsError naming file, tensor and byte.
 */
export function parseHeader(bytes: Uint8Array, file: string, fileSize: number): SafetensorsHeader {
  let tensor: string | undefined;
  const refuse: Refuse = (byte, problem) => {
    throw new SafetensorsError(file, problem, { tensor, byte });
  };
  if (bytes[0] !== 0x7b) refuse(PREFIX_BYTES, 'the header does not start with "{"');

  const metadata = new Map<string, string>();
  const tensors: TensorInfo[] = [];
  const dataStart = PREFIX_BYTES + bytes.length;
  const scanner = new JsonScanner(bytes, PREFIX_BYTES, refuse);
  scanner.object("the header", (key, byte) => {
    if (key === METADATA_KEY) {
      scanner.object(METADATA_KEY, (name) => metadata.set(name, scanner.string("a metadata value")));
    } else {
      tensor = key;
      tensors.push(readTensor(scanner, key, byte, dataStart, refuse));
      tensor = undefined;
    }
  });
  scanner.end();

  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = dataStart;
  for (const { name, ...info } of tensors) {
    if (info.begin !== end) {
      const problem = info.begin < end ? "the data overlaps that of another tensor" : "there is a hole before the data";
      const place = `begins at byte ${info.begin}, expected ${end}`;
      throw new SafetensorsError(file, `${problem}: it ${place}`, { tensor: name, byte: Math.min(info.begin, end) });
    }
    end = info.end;
    if (end > fileSize) {
      const problem = `truncated: the data ends at byte ${end}, the file at ${fileSize}`;
      throw new SafetensorsError(file, problem, { tensor: name, byte: fileSize });
    }
  }
  if (end !== fileSize) {
    throw new SafetensorsError(file, `${fileSize - end} trailing bytes after the last tensor`, { byte: end });
  }
  return { tensors: new Map(tensors.map((info) => [info.name, info])), metadata };
}

function readTensor(
  scanner: JsonScanner,
  name: string,
  entryByte: number,
  dataStart: number,
  refuse: Refuse,
): TensorInfo {
  const entry: { dtype?: SafetensorsDtype; shape?: number[]; offsets?: number[] } = {};
  scanner.object("the tensor's entry", (field) => {
    const byte = scanner.next();
    if (field === "dtype") {
      const given = scanner.string("dtype");
      if (!isSafetensorsDtype(given)) refuse(byte, `unknown dtype ${quoted(given)}`);
      entry.dtype = given;
    } else if (field === "shape") {
      entry.shape = readIntegers(scanner, "shape", MAXIMUM_RANK, refuse);
    } else if (field === "data_offsets") {
      entry.offsets = readIntegers(scanner, "data_offsets", 2, refuse);
      if (entry.offsets.length !== 2) refuse(byte, `data_offsets has ${entry.offsets.length} numbers, expected 2`);
    } else {
      scanner.skip(); // later versions of the format may add fields; the official parser lets them pass
    }
  });
  const { dtype, shape, offsets } = entry;
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    return refuse(entryByte, "the entry needs dtype, shape and data_offsets");
  }
  const [begin, end] = offsets;
  const size = elementCount(shape);
  const bits = size * bitsPerElement(dtype);
  const described = `shape ${describeShape(shape)} of dtype ${dtype}`;
  if (!Number.isSafeInteger(bits)) refuse(entryByte, `${described} overflows: its data would pass 2^53 bits`);
  if (bits % 8 !== 0) refuse(entryByte, `${described} is not a whole number of bytes`);
  if (begin > end) refuse(entryByte, `data_offsets [${begin}, ${end}] run backwards`);
  if (end - begin !== bits / 8) {
    refuse(entryByte, `${described} needs ${bits / 8} bytes, data_offsets [${begin}, ${end}] give ${end - begin}`);
  }
  if (!Number.isSafeInteger(dataStart + end)) refuse(entryByte, `data_offsets [${begin}, ${end}] overflow`);
  return { name, dtype, shape, size, begin: dataStart + begin, end: dataStart + end };
}

/** A shape for a message; a hostile one may have a thousand dimensions. */
function describeShape(shape: readonly number[]): string {
  return shape.length > 12 ? `[${shape.slice(0, 12).join(", ")}, … (rank ${shape.length})]` : `[${shape.join(", ")}]`;
}

function readIntegers(scanner: JsonScanner, what: string, most: number, refuse: Refuse): number[] {
  const values: number[] = [];
  scanner.array(what, () => {
    const byte = scanner.next();
    if (values.length === most) refuse(byte, `${what} has more than ${most} numbers`);
    values.push(scanner.unsignedInteger(`a number of ${what}`));
  });
  return values;
}

/**
 * Product of a shape. NaN when it passes 2^64 on the way, even if a zero follows: the official parser refuses
 * that too, and such a shape can only be an error or an attack.
 */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dimension of shape) {
    count *= dimension;
    if (count >= 2 ** 64) return Number.NaN;
  }
  return count;
}
