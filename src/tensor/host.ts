import type { DType, HostArray } from "./dtype.ts";
import { fromHalfBits, toHalfBits } from "./half.ts";
import { contiguousStrides, type Shape, sizeOf } from "./shape.ts";

/** Decodes device bytes of a strided view into a row-major host array. */
export function toHost(
  bytes: Uint8Array<ArrayBuffer>,
  dtype: DType,
  shape: Shape,
  strides: readonly number[],
  offset: number,
): HostArray {
  const size = sizeOf(shape);
  const source = sourceArray(bytes, dtype);
  const isContiguous = contiguousStrides(shape).every((stride, axis) => stride === strides[axis] || shape[axis] === 1);
  if (isContiguous && dtype !== "f16" && dtype !== "bool") return source.slice(offset, offset + size) as HostArray;
  const result = resultArray(dtype, size);
  const decode = dtype === "f16" ? fromHalfBits : (value: number) => value;
  if (size === 0) return result;
  if (isContiguous) {
    for (let i = 0; i < size; i++) result[i] = decode(source[offset + i]);
    return result;
  }
  const index = new Array<number>(shape.length).fill(0);
  let position = offset;
  for (let i = 0; i < size; i++) {
    result[i] = decode(source[position]);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position += strides[axis];
      if (++index[axis] < shape[axis]) break;
      position -= shape[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/** Encodes host values as device bytes. */
export function toDeviceBytes(values: ArrayLike<number>, dtype: DType): Uint8Array {
  if (dtype === "f32") return bytesOf(values instanceof Float32Array ? values : Float32Array.from(values));
  if (dtype === "i32") return bytesOf(values instanceof Int32Array ? values : Int32Array.from(values));
  if (dtype === "u32") return bytesOf(values instanceof Uint32Array ? values : Uint32Array.from(values));
  if (dtype === "bool") return bytesOf(Uint32Array.from(values, (value) => (value ? 1 : 0)));
  return bytesOf(Uint16Array.from(values, toHalfBits));
}

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function sourceArray(
  bytes: Uint8Array<ArrayBuffer>,
  dtype: DType,
): Float32Array | Int32Array | Uint32Array | Uint16Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (dtype === "f16") return new Uint16Array(buffer, byteOffset, byteLength >> 1);
  if (dtype === "f32") return new Float32Array(buffer, byteOffset, byteLength >> 2);
  if (dtype === "i32") return new Int32Array(buffer, byteOffset, byteLength >> 2);
  return new Uint32Array(buffer, byteOffset, byteLength >> 2);
}

function resultArray(dtype: DType, size: number): HostArray {
  if (dtype === "i32") return new Int32Array(size);
  if (dtype === "u32") return new Uint32Array(size);
  if (dtype === "bool") return new Uint8Array(size);
  return new Float32Array(size);
}
