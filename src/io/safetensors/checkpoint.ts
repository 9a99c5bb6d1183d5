import type { DecodedArray } from "./dtype.ts";
import type { TensorInfo } from "./header.ts";

/** Tensors by name, from one safetensors file or from the shards of an index. Nothing is kept in memory. */
export interface Checkpoint {
  /** Names of the safetensors files. */
  readonly files: readonly string[];
  /** Metadata of the files; where shards differ the first one holds. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Tensor names in the order of the data, shard after shard. */
  names(): string[];
  has(name: string): boolean;
  /** @throws SafetensorsError when there is no such tensor. */
  info(name: string): TensorInfo;
  /**
   * Stored bytes of a tensor, or bytes `start` to `end` (exclusive) of them.
   * @throws SafetensorsError when there is no such tensor or it cannot be read; RangeError for a range outside it.
   */
  readBytes(name: string, start?: number, end?: number): Promise<Uint8Array>;
  /**
   * Values of an F32, F16, BF16 (exact) or F64 (rounded to nearest) tensor, row-major; or elements `start` to `end`
   * (exclusive) of them.
   * @throws SafetensorsError naming the dtype when it is any other; RangeError for a range outside it.
   */
  readFloat32(name: string, start?: number, end?: number): Promise<Float32Array>;
  /**
   * Values exactly as stored, row-major, in the dtype's own host array; F16 and BF16 in a `Float32Array`.
   * @throws SafetensorsError naming the dtype when no host array holds it (F4, F6, F8, C64).
   */
  readArray(name: string): Promise<DecodedArray>;
  close(): Promise<void>;
}
