/**
 * Element types. `f16` is a storage type: kernels read it and accumulate in f32. `bool` is stored as a
 * 32-bit 0 or 1, because WGSL has no host-shareable bool.
 */
export type DType = (typeof DTYPES)[number];

const DTYPES = ["f32", "f16", "i32", "u32", "bool"] as const;

/** @throws with the op's name when this is no element type. */
export function assertDType(op: string, dtype: unknown): asserts dtype is DType {
  if (DTYPES.includes(dtype as DType)) return;
  throw new Error(`${op}: unknown type ${JSON.stringify(dtype)}, expected one of ${DTYPES.join(", ")}`);
}

/** Host arrays that hold an element type's values. */
export type HostArray = Float32Array | Int32Array | Uint32Array | Uint8Array;

export function bytesPerElement(dtype: DType): number {
  return dtype === "f16" ? 2 : 4;
}

/** WGSL's name of the type as stored in a buffer. */
export function storageType(dtype: DType): "f32" | "f16" | "i32" | "u32" {
  return dtype === "bool" ? "u32" : dtype;
}

export const isFloat = (dtype: DType): boolean => dtype === "f32" || dtype === "f16";
