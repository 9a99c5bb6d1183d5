import { requireObject } from "../../tensor/require-kind.ts";
import { type ByteSink, MemorySink } from "../byte-source.ts";
import {
  bitsPerElement,
  type DecodedArray,
  dtypeRank,
  encode,
  isSafetensorsDtype,
  type SafetensorsDtype,
} from "./dtype.ts";
import { quoted, SafetensorsError } from "./error.ts";
import { elementCount, MAXIMUM_HEADER_BYTES, METADATA_KEY, PREFIX_BYTES } from "./header.ts";

/**
 * A tensor's contents, row-major. A `Uint8Array` is taken as little-endian bytes of the dtype; a `Float32Array` is
 * converted to any of F32, F16, BF16 (rounded to nearest even) and F64; any other array must be the dtype's own.
 */
export type TensorData = DecodedArray;

/** A tensor to be written. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** The contents, or what makes them when their turn comes, so that only one tensor is in memory at a time. */
  readonly data: TensorData | (() => TensorData | Promise<TensorData>);
}

/** What is written besides the tensors. */
export interface WriteOptions {
  /**
   * Metadata, written as given; `null` for none. By default `{ format: "pt" }`: transformers opens no file whose
   * metadata lacks the format.
   */
  readonly metadata?: ReadonlyMap<string, string> | Readonly<Record<string, string>> | null;
}

/**
 * Writes a safetensors file with the layout of the official writer: tensors by dtype alignment, descending, then by
 * name; the header padded with spaces to a multiple of eight bytes. Closes the sink, or aborts it when anything fails.
 * @throws SafetensorsError for a duplicate or reserved name, a shape or dtype that is none, data of another length.
 */
export async function writeSafetensors(
  sink: ByteSink,
  tensors: Iterable<TensorToWrite>,
  options: WriteOptions = {},
): Promise<void> {
  requireObject("writeSafetensors", sink, "a sink, as createFileSink(path) of graft-gpu/node gives", [
    "write",
    "abort",
  ]);
  try {
    requireObject("writeSafetensors", tensors, "tensors { name, dtype, shape, data } in an array", [Symbol.iterator]);
    const layout = lay(sink.name, tensors);
    await sink.write(serializeHeader(sink.name, layout, options));
    for (const { tensor, begin, end } of layout) {
      const { name, dtype, data } = tensor;
      const refuse = (problem: string): never => {
        throw new SafetensorsError(sink.name, problem, { tensor: name });
      };
      const array = typeof data === "function" ? await data() : data;
      let bytes: Uint8Array;
      try {
        bytes = encode(dtype, array);
      } catch (error) {
        return refuse((error as Error).message);
      }
      if (bytes.length !== end - begin) {
        refuse(`shape [${tensor.shape}] of dtype ${dtype} needs ${end - begin} bytes, the data has ${bytes.length}`);
      }
      if (bytes.length > 0) await sink.write(bytes);
    }
    await sink.close();
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

/** The bytes of a safetensors file; {@link writeSafetensors} into memory. */
export async function serializeSafetensors(
  tensors: Iterable<TensorToWrite>,
  options: WriteOptions = {},
): Promise<Uint8Array> {
  const sink = new MemorySink("safetensors");
  await writeSafetensors(sink, tensors, options);
  return sink.bytes();
}

interface Placed {
  readonly tensor: TensorToWrite;
  /** Range of the data, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

/** Checks the tensors and gives each its place. */
function lay(file: string, tensors: Iterable<TensorToWrite>): Placed[] {
  const names = new Set<string>();
  const sorted = [...tensors].sort(
    (a, b) => dtypeRank(b.dtype) - dtypeRank(a.dtype) || compareCodePoints(a.name, b.name),
  );
  let position = 0;
  return sorted.map((tensor) => {
    const { name, dtype, shape } = tensor;
    const refuse = (problem: string): never => {
      throw new SafetensorsError(file, problem, { tensor: name });
    };
    if (names.has(name)) refuse("two tensors have this name");
    names.add(name);
    if (name === METADATA_KEY) refuse("the name is reserved for the metadata");
    if (!isWellFormed(name)) refuse("the name has half of a surrogate pair");
    if (!isSafetensorsDtype(dtype)) refuse(`unknown dtype ${quoted(String(dtype))}`);
    if (!shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)) {
      refuse(`shape [${shape}] has a dimension that is not a non-negative integer`);
    }
    const begin = position;
    position += (elementCount(shape) * bitsPerElement(dtype)) / 8;
    if (!Number.isSafeInteger(position)) refuse(`shape [${shape}] of dtype ${dtype} is not a number of whole bytes`);
    return { tensor, begin, end: position };
  });
}

function serializeHeader(file: string, layout: readonly Placed[], options: WriteOptions): Uint8Array {
  const members: string[] = [];
  const { metadata = { format: "pt" } } = options;
  if (metadata !== null) {
    const entries = metadata instanceof Map ? [...metadata] : Object.entries(metadata);
    for (const [key, value] of entries) {
      if (typeof value !== "string" || !isWellFormed(key) || !isWellFormed(value)) {
        throw new SafetensorsError(file, `the metadata value of ${quoted(key)} is not a string of whole characters`);
      }
    }
    const pairs = entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    members.push(`"${METADATA_KEY}":{${pairs.join(",")}}`);
  }
  for (const { tensor, begin, end } of layout) {
    const { dtype, shape } = tensor;
    members.push(`${JSON.stringify(tensor.name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const json = new TextEncoder().encode(`{${members.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAXIMUM_HEADER_BYTES) {
    throw new SafetensorsError(file, `the header would have ${length} bytes, above ${MAXIMUM_HEADER_BYTES}`);
  }
  const bytes = new Uint8Array(PREFIX_BYTES + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, PREFIX_BYTES);
  return bytes;
}

const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

/** Order of the UTF-8 bytes; `<` on strings compares UTF-16 units, which puts U+1F600 before U+FF01. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
