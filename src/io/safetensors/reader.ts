import { requireObject } from "../../tensor/require-kind.ts";
import { assertRange, type ByteSource } from "../byte-source.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { bitsPerElement, type DecodedArray, decode, isDecodable, isFloatDtype, toFloat32 } from "./dtype.ts";
import { quoted, SafetensorsError } from "./error.ts";
import { PREFIX_BYTES, parseHeader, parseHeaderLength, type SafetensorsHeader, type TensorInfo } from "./header.ts";

/** Bytes converted at a time, so that a half-precision tensor never lies in memory twice in full. */
const WINDOW_BYTES = 1 << 24;

/** An open safetensors file. Only the header is read at once; each tensor is read when asked for, by its range. */
export class SafetensorsFile implements Checkpoint {
  readonly files: readonly string[];

  /**
   * Reads and checks the header. The file takes over `source` and closes it, also when this throws.
   * @throws SafetensorsError naming file, tensor and byte when the file is malformed.
   */
  static async open(source: ByteSource): Promise<SafetensorsFile> {
    const expected =
      "an open file, as openFile(path) of graft-gpu/node or blobSource(name, blob) of graft-gpu/io gives";
    requireObject("SafetensorsFile.open", source, expected, ["read", "close"]);
    try {
      const prefix = await readExactly(source, 0, Math.min(PREFIX_BYTES, source.size));
      const headerBytes = parseHeaderLength(prefix, source.name, source.size);
      const bytes = await readExactly(source, PREFIX_BYTES, PREFIX_BYTES + headerBytes);
      return new SafetensorsFile(source, headerBytes, parseHeader(bytes, source.name, source.size));
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  private constructor(
    private readonly source: ByteSource,
    /** Length of the JSON header, padding included. */
    readonly headerBytes: number,
    private readonly header: SafetensorsHeader,
  ) {
    this.files = [source.name];
  }

  get name(): string {
    return this.source.name;
  }

  /** Bytes of the whole file. */
  get size(): number {
    return this.source.size;
  }

  /** Every tensor, in the order of the data. */
  get tensors(): ReadonlyMap<string, TensorInfo> {
    return this.header.tensors;
  }

  get metadata(): ReadonlyMap<string, string> {
    return this.header.metadata;
  }

  names(): string[] {
    return [...this.tensors.keys()];
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (!info) throw new SafetensorsError(this.name, "no such tensor in the file", { tensor: name });
    return info;
  }

  async readBytes(name: string, start = 0, end?: number): Promise<Uint8Array> {
    const info = this.info(name);
    const length = info.end - info.begin;
    const stop = end ?? length;
    assertRange(`${this.name}: tensor ${quoted(name)}`, length, start, stop);
    return this.#inMemory(info, () => readExactly(this.source, info.begin + start, info.begin + stop, name));
  }

  async readArray(name: string): Promise<DecodedArray> {
    const { dtype, begin } = this.info(name);
    if (!isDecodable(dtype)) {
      const problem = `dtype ${dtype} is not supported: only its bytes can be read`;
      throw new SafetensorsError(this.name, problem, { tensor: name, byte: begin });
    }
    return decode(dtype, await this.readBytes(name));
  }

  async readFloat32(name: string, start = 0, end?: number): Promise<Float32Array> {
    const info = this.info(name);
    const { dtype, size, begin } = info;
    if (!isFloatDtype(dtype)) {
      const problem = `dtype ${dtype} cannot be read as f32, expected F32, F16, BF16 or F64`;
      throw new SafetensorsError(this.name, problem, { tensor: name, byte: begin });
    }
    const elementBytes = bitsPerElement(dtype) / 8;
    const stop = end ?? size;
    const read = async (from: number, to: number): Promise<Float32Array> =>
      toFloat32(dtype, await this.readBytes(name, from * elementBytes, to * elementBytes));
    const window = WINDOW_BYTES / elementBytes;
    if (dtype === "F32" || stop - start <= window) return read(start, stop);
    const values = await this.#inMemory(info, async () => new Float32Array(stop - start));
    for (let i = start; i < stop; i += window) values.set(await read(i, Math.min(i + window, stop)), i - start);
    return values;
  }

  async close(): Promise<void> {
    await this.source.close();
  }

  /** Runs what allocates for a tensor; where the host has no such memory, the error names the tensor. */
  async #inMemory<T>({ name, begin, end }: TensorInfo, allocate: () => Promise<T>): Promise<T> {
    try {
      return await allocate();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const problem = `its ${end - begin} bytes cannot be held at once: ${error.message}`;
      throw new SafetensorsError(this.name, problem, { tensor: name, byte: begin });
    }
  }
}

async function readExactly(source: ByteSource, start: number, end: number, tensor?: string): Promise<Uint8Array> {
  if (start === end) return new Uint8Array();
  const bytes = await source.read(start, end);
  if (bytes.length !== end - start) {
    const problem = `truncated: ${bytes.length} of ${end - start} bytes could be read`;
    throw new SafetensorsError(source.name, problem, { tensor, byte: start + bytes.length });
  }
  return bytes;
}
