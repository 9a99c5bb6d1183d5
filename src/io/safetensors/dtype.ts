import { fromHalfBits, toHalfBits } from "../../tensor/half.ts";

/**
 * Bits per element of every dtype the official parser (safetensors 0.8) knows. The order is the parser's
 * own: ascending alignment, and the writer lays tensors out from the last to the first.
 */
const DTYPE_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

/** Element type of a tensor in a safetensors file, as the header spells it. */
export type SafetensorsDtype = keyof typeof DTYPE_BITS;

/** Host array that holds the values of a tensor exactly: F16 and BF16 widen to f32, BOOL is 0 or 1. */
export type DecodedArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** Dtypes whose values can be read and written as f32. */
export type FloatDtype = "F64" | "F32" | "F16" | "BF16";

const NATIVE_ARRAYS = {
  U8: Uint8Array,
  I8: Int8Array,
  I16: Int16Array,
  U16: Uint16Array,
  I32: Int32Array,
  U32: Uint32Array,
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
} as const;

const DTYPE_ORDER = Object.keys(DTYPE_BITS);

/** Whether a name is one of the format's element types. */
export const isSafetensorsDtype = (name: string): name is SafetensorsDtype => Object.hasOwn(DTYPE_BITS, name);

export const bitsPerElement = (dtype: SafetensorsDtype): number => DTYPE_BITS[dtype];

/** Position of a dtype in the official order of alignment; the writer puts higher ones first. */
export const dtypeRank = (dtype: SafetensorsDtype): number => DTYPE_ORDER.indexOf(dtype);

/** Whether the values can be read as f32: F64 (rounded), F32, F16 and BF16 (exactly). */
export const isFloatDtype = (dtype: SafetensorsDtype): dtype is FloatDtype =>
  dtype === "F32" || dtype === "F16" || dtype === "BF16" || dtype === "F64";

/** Dtypes without a host array that could hold their values. */
type OpaqueDtype =
  | "F4"
  | "F6_E2M3"
  | "F6_E3M2"
  | "F8_E5M2"
  | "F8_E4M3"
  | "F8_E8M0"
  | "F8_E4M3FNUZ"
  | "F8_E5M2FNUZ"
  | "C64";

/** Whether {@link decode} knows the dtype; of the others (F4, F6, F8, C64) only the bytes can be had. */
export const isDecodable = (dtype: SafetensorsDtype): dtype is Exclude<SafetensorsDtype, OpaqueDtype> =>
  dtype === "BOOL" || isFloatDtype(dtype) || Object.hasOwn(NATIVE_ARRAYS, dtype);

/**
 * Values of a tensor's little-endian bytes, exactly. Where bytes are aligned and need no conversion the
 * result is a view on them, else a copy.
 * @throws RangeError when the bytes are not a whole number of elements.
 */
export function decode(dtype: Exclude<SafetensorsDtype, OpaqueDtype>, bytes: Uint8Array): DecodedArray {
  switch (dtype) {
    case "F16":
    case "BF16":
      return toFloat32(dtype, bytes);
    case "BOOL":
      return bytes.map((byte) => (byte === 0 ? 0 : 1));
    default:
      return view<DecodedArray>(NATIVE_ARRAYS[dtype], bytes);
  }
}

/**
 * Values of a floating-point tensor as f32. F16 and BF16 widen exactly, F64 is rounded to nearest even (beyond
 * the range of f32 to infinity). Other dtypes are not offered: 64-bit integers would silently lose digits.
 * A view on aligned F32 bytes, else a new array.
 * @throws RangeError when the bytes are not a whole number of elements.
 */
export function toFloat32(dtype: FloatDtype, bytes: Uint8Array): Float32Array {
  switch (dtype) {
    case "F32":
      return view(Float32Array, bytes);
    case "F64":
      return Float32Array.from(view(Float64Array, bytes));
    case "F16": {
      halfValues ??= Float32Array.from({ length: 0x10000 }, (_, half) => fromHalfBits(half));
      const values = halfValues;
      const halves = view(Uint16Array, bytes);
      const result = new Float32Array(halves.length);
      for (let i = 0; i < halves.length; i++) result[i] = values[halves[i]];
      return result;
    }
    case "BF16": {
      const upperHalves = view(Uint16Array, bytes);
      const words = new Uint32Array(upperHalves.length);
      for (let i = 0; i < words.length; i++) words[i] = upperHalves[i] << 16;
      return new Float32Array(words.buffer);
    }
  }
}

/** Value of every IEEE half, made at the first F16 tensor: 256 KiB, and several times as fast as arithmetic. */
let halfValues: Float32Array | undefined;

/**
 * Little-endian bytes of f32 values in a floating-point dtype. F16 and BF16 round to nearest, ties to even,
 * beyond their range to infinity; NaN stays NaN. For F32 a view on the values.
 * @throws RangeError when `dtype` is not one of F64, F32, F16 and BF16.
 */
export function fromFloat32(dtype: SafetensorsDtype, values: Float32Array): Uint8Array {
  assertLittleEndian();
  switch (dtype) {
    case "F32":
      return bytesOf(values);
    case "F64":
      return bytesOf(Float64Array.from(values));
    case "F16": {
      const halves = new Uint16Array(values.length);
      for (let i = 0; i < values.length; i++) halves[i] = toHalfBits(values[i]);
      return bytesOf(halves);
    }
    case "BF16": {
      const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
      const upperHalves = new Uint16Array(values.length);
      for (let i = 0; i < words.length; i++) upperHalves[i] = toBfloat16Bits(words[i]);
      return bytesOf(upperHalves);
    }
    default:
      throw new RangeError(`f32 values cannot be written as dtype ${dtype}`);
  }
}

/**
 * Bytes of a tensor to be written. A `Uint8Array` is taken as the bytes themselves; a `Float32Array` becomes any
 * floating-point dtype; any other array must be the one that {@link decode} gives for the dtype.
 * @throws RangeError when the array does not suit the dtype.
 */
export function encode(dtype: SafetensorsDtype, data: DecodedArray): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (data instanceof Float32Array) return fromFloat32(dtype, data);
  const expected = (NATIVE_ARRAYS as Partial<Record<SafetensorsDtype, unknown>>)[dtype];
  if (data.constructor !== expected) {
    throw new RangeError(`${data.constructor.name} does not hold values of dtype ${dtype}`);
  }
  assertLittleEndian();
  return bytesOf(data);
}

function toBfloat16Bits(word: number): number {
  if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40; // quiet, lest a small payload become infinity
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

function bytesOf(array: DecodedArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

type ArrayConstructor<T> = {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
};

/** Typed array over little-endian bytes; copies them first when they do not lie on an element boundary. */
function view<T>(array: ArrayConstructor<T>, bytes: Uint8Array): T {
  assertLittleEndian();
  const size = array.BYTES_PER_ELEMENT;
  if (bytes.length % size !== 0) {
    throw new RangeError(`${bytes.length} bytes are not a whole number of ${size}-byte elements`);
  }
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new array(aligned.buffer, aligned.byteOffset, aligned.length / size);
}

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function assertLittleEndian(): void {
  if (!HOST_IS_LITTLE_ENDIAN) throw new RangeError("safetensors data is little-endian; this host is not");
}
