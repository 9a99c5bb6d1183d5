import { type DType, fromHalfBits, type Tensor, tensor, toHalfBits } from "../../../src/tensor/index.ts";
import { NotApplicableError, numberOf, type WrittenTensor } from "./cases.ts";

/** What the element types of the suites are computed in: WGSL has no integers of 8, 16 and 64 bits, and no float64. */
const COMPUTED: Readonly<Record<string, DType>> = {
  float16: "f32",
  float32: "f32",
  float64: "f32",
  bfloat16: "f32",
  int8: "i32",
  uint8: "i32",
  int16: "i32",
  uint16: "i32",
  int32: "i32",
  uint32: "u32",
  int64: "i32",
  uint64: "i32",
  bool: "bool",
};

export const isFloatName = (dtype: string): boolean => dtype.startsWith("float") || dtype === "bfloat16";

/** The values of a written tensor as a kernel would see them. */
export function hostValues({ dtype, data }: WrittenTensor): number[] {
  const computed = computedType(dtype);
  const values = data.map(numberOf);
  if (computed === "f32") return values.map(Math.fround);
  const [low, high] = computed === "u32" ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1];
  const outside = values.find((value) => !(value >= low && value <= high));
  if (outside !== undefined)
    throw new NotApplicableError(`WGSL has no ${dtype}, and ${outside} does not fit ${computed}`);
  return values;
}

export function computedType(dtype: string): DType {
  const computed = COMPUTED[dtype];
  if (!computed) throw new NotApplicableError(`WGSL has no ${dtype}`);
  return computed;
}

export const upload = (written: WrittenTensor): Tensor =>
  tensor(hostValues(written), written.shape, { dtype: computedType(written.dtype) });

/** Rounds to the precision of an element type that is computed in f32. */
export const roundTo = (dtype: string, value: number): number =>
  dtype === "float16" ? fromHalfBits(toHalfBits(value)) : value;
