import { Gpu } from "../gpu/index.ts";
import { assertDType, bytesPerElement, type DType } from "./dtype.ts";
import { toDeviceBytes } from "./host.ts";
import { describeValue } from "./require-tensors.ts";
import { assertShape, formatShape, type Shape, sizeOf } from "./shape.ts";
import { empty, type Tensor } from "./tensor.ts";

/** Type and place of a new tensor. */
export interface CreateOptions {
  dtype?: DType;
  /** Defaults to the handle that is open. */
  gpu?: Gpu;
}

/** Host values: a number or a truth value, arrays of them at any depth of equal lengths, or a typed array. */
export type NestedNumbers = number | boolean | readonly NestedNumbers[] | ArrayLike<number>;

/**
 * A tensor from host values: a number, nested arrays, or a typed array with a shape.
 * Without `dtype` an `Int32Array` gives i32, a `Uint32Array` u32, everything else f32.
 *
 * @throws when nested arrays are ragged or the number of values does not match the shape.
 */
export function tensor(values: NestedNumbers, shape?: Shape, options: CreateOptions = {}): Tensor {
  const flat = flatten(values);
  const wanted = shape ?? flat.shape;
  assertShape("tensor", wanted);
  if (sizeOf(wanted) !== flat.values.length) {
    throw new Error(`tensor: ${flat.values.length} values do not fill shape ${formatShape(wanted)}`);
  }
  const dtype = options.dtype ?? defaultDType(values);
  assertDType("tensor", dtype);
  return upload(options.gpu ?? Gpu.default, wanted, dtype, toDeviceBytes(flat.values, dtype));
}

/** A tensor from raw device bytes in row-major order. */
export function upload(gpu: Gpu, shape: Shape, dtype: DType, bytes: Uint8Array): Tensor {
  const expected = sizeOf(shape) * bytesPerElement(dtype);
  if (bytes.byteLength !== expected) {
    throw new Error(`upload: ${bytes.byteLength} bytes given, ${dtype}${formatShape(shape)} takes ${expected}`);
  }
  const result = empty(gpu, shape, dtype);
  gpu.upload(result.storage.buffer, 0, bytes);
  return result;
}

/** Replaces the values of a row-major tensor by raw device bytes. */
export function uploadInto(target: Tensor, bytes: Uint8Array): void {
  const width = bytesPerElement(target.dtype);
  if (!target.isContiguous || bytes.byteLength !== target.size * width) {
    throw new Error(
      `upload: ${bytes.byteLength} bytes do not fill a row-major ${target.dtype}${formatShape(target.shape)}`,
    );
  }
  target.gpu.upload(target.storage.buffer, target.offset * width, bytes);
}

/** Replaces the values of a row-major tensor from element `first` on by raw device bytes, of 4 bytes at a time. */
export function uploadPart(target: Tensor, first: number, bytes: Uint8Array): void {
  const width = bytesPerElement(target.dtype);
  const end = first + bytes.byteLength / width;
  if (!target.isContiguous || (first * width) % 4 !== 0 || !(end <= target.size)) {
    const place = `elements ${first} to ${end} of a row-major ${target.dtype}${formatShape(target.shape)}`;
    throw new Error(`upload: ${bytes.byteLength} bytes are not ${place}`);
  }
  target.gpu.upload(target.storage.buffer, (target.offset + first) * width, bytes);
}

/** start, start + step, … up to but without `stop`, computed in double precision and rounded once. */
export function arange(start: number, stop: number, step = 1, options: CreateOptions = {}): Tensor {
  if (step === 0 || !Number.isFinite((stop - start) / step)) {
    throw new Error(`arange: the range from ${start} to ${stop} by ${step} is not finite`);
  }
  const length = Math.max(0, Math.ceil((stop - start) / step));
  const values = Float64Array.from({ length }, (_, i) => start + i * step);
  return tensor(values, [length], { dtype: options.dtype ?? "f32", gpu: options.gpu });
}

function defaultDType(values: NestedNumbers): DType {
  if (values instanceof Int32Array) return "i32";
  if (values instanceof Uint32Array) return "u32";
  if (typeof values === "boolean") return "bool";
  return "f32";
}

function flatten(values: NestedNumbers): { values: ArrayLike<number>; shape: number[] } {
  if (typeof values === "number" || typeof values === "boolean") return { values: [Number(values)], shape: [] };
  if (!Array.isArray(values)) {
    const array = values as ArrayLike<number>;
    if (!ArrayBuffer.isView(array) || array instanceof BigInt64Array || array instanceof BigUint64Array) {
      throw new Error(`tensor: expected numbers, nested arrays of them or a typed array, got ${describeValue(values)}`);
    }
    return { values: array, shape: [array.length] };
  }
  const isList = (value: unknown): value is ArrayLike<unknown> => Array.isArray(value) || ArrayBuffer.isView(value);
  const shape: number[] = [];
  for (let level: unknown = values; isList(level); level = level[0]) shape.push(level.length);
  const result: number[] = [];
  const visit = (value: unknown, axis: number): void => {
    if (axis === shape.length) {
      if (isList(value)) throw new Error("tensor: nested arrays are ragged");
      if (typeof value !== "number" && typeof value !== "boolean") {
        throw new Error(`tensor: expected numbers or booleans, got ${describeValue(value)}`);
      }
      result.push(Number(value));
      return;
    }
    if (!isList(value) || value.length !== shape[axis]) throw new Error("tensor: nested arrays are ragged");
    for (let i = 0; i < value.length; i++) visit(value[i], axis + 1);
  };
  visit(values, 0);
  return { values: result, shape };
}
