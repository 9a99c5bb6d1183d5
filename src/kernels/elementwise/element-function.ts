import { type DType, formatShape, isFloat, storageType, type Tensor } from "../../tensor/index.ts";
import { including, type LibraryFile } from "../library.ts";

/** Types that elements are computed in: f16 is widened to f32, bool is a u32 of 0 or 1. */
export type ComputeType = "f32" | "i32" | "u32";

/**
 * A function of elements: the body of a shader's `apply` for each type it can compute in. Bodies work on vectors of
 * four and may call the functions of the library files they use.
 */
export interface ElementFunction {
  /** Its own among the functions of as many operands. */
  readonly name: string;
  readonly f32?: string;
  readonly i32?: string;
  readonly u32?: string;
  /** Of bool; refused without. */
  readonly bool?: string;
  /** Library files whose functions the body for floats calls. */
  readonly uses?: readonly LibraryFile[];
  /** The same for integers. */
  readonly wholeUses?: readonly LibraryFile[];
  /** Whether the result is 0 or 1 and stored as bool; otherwise it has the type of the operands. */
  readonly isTest?: boolean;
}

export const DTYPES = ["f32", "f16", "i32", "u32", "bool"] as const satisfies readonly DType[];

/** One body for every type of number. */
/* @__NO_SIDE_EFFECTS__ */ export const forNumbers = (name: string, body: string): ElementFunction => ({
  name,
  f32: body,
  i32: body,
  u32: body,
});

export const computeType = (dtype: DType): ComputeType => (isFloat(dtype) ? "f32" : dtype === "i32" ? "i32" : "u32");

const bodyFor = (fn: ElementFunction, dtype: DType): string | undefined =>
  dtype === "bool" ? fn.bool : fn[computeType(dtype)];

export const accepts = (fn: ElementFunction, dtype: DType): boolean => bodyFor(fn, dtype) !== undefined;

export const resultType = (fn: ElementFunction, dtype: DType): DType => (fn.isTest ? "bool" : dtype);

export const withF16 = (...dtypes: DType[]): { enable?: string } => (dtypes.includes("f16") ? { enable: "f16" } : {});

/** Letters of the operands' types, as the shaders declare them. */
export type OperandTypes = "X" | "AB";

const specializations = new WeakMap<ElementFunction, Map<DType, Map<OperandTypes, Record<string, string>>>>();

/** Types and body of a function for operands of one type. */
export function specializationOf(
  fn: ElementFunction,
  dtype: DType,
  operands: OperandTypes,
): Readonly<Record<string, string>> {
  const ofFunction = getOrMake(specializations, fn, () => new Map());
  const ofType = getOrMake(ofFunction, dtype, () => new Map());
  return getOrMake(ofType, operands, () => {
    const result = resultType(fn, dtype);
    return Object.freeze({
      ...Object.fromEntries([...operands].map((name) => [name, storageType(dtype)])),
      Y: storageType(result),
      C: computeType(dtype),
      R: computeType(result),
      apply: bodyFor(fn, dtype)!,
      ...including(...((isFloat(dtype) ? fn.uses : fn.wholeUses) ?? [])),
      ...withF16(dtype),
    });
  });
}

function getOrMake<K, V>(
  map: { get(key: K): V | undefined; set(key: K, value: V): unknown },
  key: K,
  make: () => V,
): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** Refuses an operand of a type that a function has no meaning for. */
export function requireAccepted(op: string, fn: ElementFunction, x: Tensor): void {
  if (accepts(fn, x.dtype)) return;
  const types = DTYPES.filter((dtype) => accepts(fn, dtype)).join(", ");
  throw new Error(`${op}: expected one of ${types}, got ${x.dtype}${formatShape(x.shape)}; use cast`);
}

const words = new DataView(new ArrayBuffer(4));

/** The bits of a number in the type it is computed with. */
export function wordOf(value: number, dtype: DType): number {
  if (isFloat(dtype)) words.setFloat32(0, value);
  else words.setUint32(0, value);
  return words.getUint32(0);
}

/** Refuses a number that a tensor of some type cannot hold: whole numbers in range for integers, 0 and 1 for bool. */
export function requireNumber(op: string, value: number, dtype: DType): void {
  if (isFloat(dtype)) return;
  const [low, high] = dtype === "i32" ? [-(2 ** 31), 2 ** 31 - 1] : dtype === "u32" ? [0, 2 ** 32 - 1] : [0, 1];
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new Error(`${op}: ${value} is no value of type ${dtype}; cast the tensor to f32 first`);
  }
}
