import binarySource from "../../../shaders/elementwise/binary.wgsl";
import binaryNumberSource from "../../../shaders/elementwise/binary-number.wgsl";
import binaryStridedSource from "../../../shaders/elementwise/binary-strided.wgsl";
import unarySource from "../../../shaders/elementwise/unary.wgsl";
import { defineKernel, listVariants, type Specialization, specializations } from "../../gpu/index.ts";
import {
  broadcastShapes,
  type DType,
  expandView,
  formatShape,
  type Shape,
  shapesEqual,
  storageType,
  type Tensor,
} from "../../tensor/index.ts";
import { contiguous } from "../copy.ts";
import { gridOf, launch, output } from "../launch.ts";
import { FLOAT, including } from "../library.ts";
import { back, front, mergeAxes, runsOf } from "../strided.ts";
import { forFlatWindows, forParts } from "../windows.ts";
import * as BINARY from "./binary-functions.ts";
import {
  accepts,
  computeType,
  DTYPES,
  type ElementFunction,
  requireAccepted,
  requireNumber,
  resultType,
  specializationOf,
  withF16,
  wordOf,
} from "./element-function.ts";
import { chooseElementVariant, inAllRuns, inAllVectors, inRuns, inVectors } from "./element-variant.ts";
import * as UNARY from "./unary-functions.ts";

/** Specialisations of every function of a table for every type it accepts. */
const variantsOf =
  (table: Record<string, ElementFunction>, specialize: (fn: ElementFunction, dtype: DType) => Specialization) =>
  (): Specialization[] =>
    Object.values(table).flatMap((fn) =>
      DTYPES.filter((dtype) => accepts(fn, dtype)).map((dtype) => specialize(fn, dtype)),
    );

const unarySpecialization = (fn: ElementFunction, dtype: DType): Readonly<Record<string, string>> =>
  specializationOf(fn, dtype, "X");
const binarySpecialization = (fn: ElementFunction, dtype: DType): Readonly<Record<string, string>> =>
  specializationOf(fn, dtype, "AB");

const withScalars = new WeakMap<Specialization, Specialization>();

/** For contiguous operands, of which either may be a scalar or neither. */
function flatSpecialization(fn: ElementFunction, dtype: DType, hasScalars: boolean): Specialization {
  const spec = binarySpecialization(fn, dtype);
  if (!hasScalars) return spec;
  let made = withScalars.get(spec);
  if (!made) {
    made = Object.freeze({ ...spec, SCALARS: "true" });
    withScalars.set(spec, made);
  }
  return made;
}

const unaryKernel = defineKernel({
  name: "unary",
  source: unarySource,
  bindings: { x: "read", y: "read_write" },
  params: { count: "u32", xOffset: "u32", yOffset: "u32", a: "u32", b: "u32" },
});
listVariants(unaryKernel, () =>
  inAllVectors([
    ...variantsOf(UNARY, unarySpecialization)(),
    ...DTYPES.flatMap((from) => DTYPES.map((to) => castSpecialization(from, to))),
  ]),
);

const binaryKernel = defineKernel({
  name: "binary",
  source: binarySource,
  bindings: { a: "read", b: "read", y: "read_write" },
  params: {
    count: "u32",
    aOffset: "u32",
    bOffset: "u32",
    yOffset: "u32",
    aIsScalar: "u32",
    bIsScalar: "u32",
    p: "u32",
    q: "u32",
  },
});
listVariants(binaryKernel, () =>
  inAllVectors(
    [false, true].flatMap((hasScalars) =>
      variantsOf(BINARY, (fn, dtype) => flatSpecialization(fn, dtype, hasScalars))(),
    ),
  ),
);

const binaryStridedKernel = defineKernel({
  name: "binary-strided",
  source: binaryStridedSource,
  bindings: { a: "read", b: "read", y: "read_write" },
  params: {
    shape0: "vec4<u32>",
    shape1: "vec4<u32>",
    aStrides0: "vec4<u32>",
    aStrides1: "vec4<u32>",
    bStrides0: "vec4<u32>",
    bStrides1: "vec4<u32>",
    yStrides0: "vec4<u32>",
    yStrides1: "vec4<u32>",
    count: "u32",
    rank: "u32",
    length: "u32",
    runs: "u32",
    aStep: "u32",
    bStep: "u32",
    yStep: "u32",
    aOffset: "u32",
    bOffset: "u32",
    yOffset: "u32",
    p: "u32",
    q: "u32",
  },
});
listVariants(binaryStridedKernel, () => inAllRuns(variantsOf(BINARY, binarySpecialization)()));

/** Which operand of a binary function is the number. */
export type Side = "left" | "right";

const numberSpecialization = specializations((fn: ElementFunction, dtype: DType, side: Side) => ({
  ...unarySpecialization(fn, dtype),
  ...(side === "left" ? { NUMBER_FIRST: "true" } : {}),
}));

/** Gradients take no number for an operand. */
const forwardFunctions = (): ElementFunction[] =>
  Object.values<ElementFunction>(BINARY).filter(({ name }) => !name.endsWith("Backward"));

const binaryNumberKernel = defineKernel({
  name: "binary-number",
  source: binaryNumberSource,
  bindings: { x: "read", y: "read_write" },
  params: { count: "u32", xOffset: "u32", yOffset: "u32", number: "u32" },
});
listVariants(binaryNumberKernel, () =>
  inAllVectors(
    (["left", "right"] as const).flatMap((side) =>
      forwardFunctions().flatMap((fn) =>
        DTYPES.filter((dtype) => accepts(fn, dtype)).map((dtype) => numberSpecialization(fn, dtype, side)),
      ),
    ),
  ),
);

/** Floats are truncated towards zero, out of range to the nearest end, NaN is 0; but every float except 0 is true. */
const castSpecialization = specializations(makeCastSpecialization);

function makeCastSpecialization(from: DType, to: DType): Record<string, string> {
  const [C, R] = [computeType(from), computeType(to)];
  const types = { X: storageType(from), Y: storageType(to), C, R };
  const isFromFloat = C === "f32";
  if (to === "bool") {
    const apply = isFromFloat
      ? "return vec4<u32>(magnitudeBits(v) != vec4(0u));"
      : "return vec4<u32>(v != vec4<C>(0));";
    return { ...types, apply, ...(isFromFloat ? including(FLOAT) : {}), ...withF16(from, to) };
  }
  if (isFromFloat && R !== "f32") {
    // The largest float below 2³¹ or 2³² is not the largest integer.
    const [limit, largest] = R === "i32" ? ["2147483648.0", "2147483647"] : ["4294967296.0", "4294967295"];
    const saturated = `select(vec4<R>(v), vec4<R>(${largest}), v >= vec4(${limit}))`;
    const apply = `return select(${saturated}, vec4<R>(0), isNotANumber(v));`;
    return { ...types, apply, ...including(FLOAT), ...withF16(from, to) };
  }
  return { ...types, apply: "return vec4<R>(v);", ...withF16(from, to) };
}

/** Applies one function to every element; `a` and `b` are what its body calls `first()` and `second()`. */
export function unary(op: string, x: Tensor, fn: ElementFunction, a = 0, b = 0): Tensor {
  requireAccepted(op, fn, x);
  const words = { a: wordOf(a, x.dtype), b: wordOf(b, x.dtype) };
  return launchUnary(op, x, resultType(fn, x.dtype), unarySpecialization(fn, x.dtype), words);
}

/** The values in another element type. */
export function castTo(x: Tensor, dtype: DType): Tensor {
  return launchUnary("cast", x, dtype, castSpecialization(x.dtype, dtype), { a: 0, b: 0 });
}

function launchUnary(
  op: string,
  x: Tensor,
  dtype: DType,
  spec: Specialization,
  words: { a: number; b: number },
): Tensor {
  const flat = inVectors(x.gpu, spec);
  const variant = unaryKernel.variant(flat.spec);
  const y = output(op, x, x.shape, dtype);
  if (x.size === 0) return y;
  forFlatWindows([contiguous(x), y], (windows, count) => {
    launch(
      op,
      variant,
      windows,
      { count: Math.ceil(count / 4), ...words },
      gridOf(Math.ceil(count / 4 / flat.vectors)),
    );
  });
  return y;
}

/** Applies a function of two operands of which one is a number. */
export function binaryWithNumber(op: string, x: Tensor, value: number, side: Side, fn: ElementFunction): Tensor {
  requireAccepted(op, fn, x);
  requireNumber(op, value, x.dtype);
  const flat = inVectors(x.gpu, numberSpecialization(fn, x.dtype, side));
  const variant = binaryNumberKernel.variant(flat.spec);
  const y = output(op, x, x.shape, resultType(fn, x.dtype));
  if (x.size === 0) return y;
  const number = wordOf(value, x.dtype);
  forFlatWindows([contiguous(x), y], (windows, count) => {
    launch(op, variant, windows, { count: Math.ceil(count / 4), number }, gridOf(Math.ceil(count / 4 / flat.vectors)));
  });
  return y;
}

/** Whether a kernel can read an operand in whole vectors, or as one scalar, beside a contiguous result of `shape`. */
export const isFlat = (x: Tensor, shape: Shape): boolean =>
  x.size === 1 || (x.offset % 4 === 0 && x.isContiguous && shapesEqual(x.shape, shape));

/** Applies a function of two operands, broadcast to a common shape. */
export function binary(op: string, a: Tensor, b: Tensor, fn: ElementFunction, first = 0, second = 0): Tensor {
  if (a.dtype !== b.dtype) {
    throw new Error(
      `${op}: types ${a.dtype}${formatShape(a.shape)} and ${b.dtype}${formatShape(b.shape)} differ; cast one`,
    );
  }
  requireAccepted(op, fn, a);
  const shape = broadcastShapes(op, a.shape, b.shape);
  const y = output(op, a, shape, resultType(fn, a.dtype));
  if (y.size === 0) return y;
  const words = { p: wordOf(first, a.dtype), q: wordOf(second, a.dtype) };
  if (isFlat(a, shape) && isFlat(b, shape)) {
    const flat = inVectors(a.gpu, flatSpecialization(fn, a.dtype, a.size === 1 || b.size === 1));
    const variant = binaryKernel.variant(flat.spec);
    const scalars = { aIsScalar: a.size === 1 ? 1 : 0, bIsScalar: b.size === 1 ? 1 : 0 };
    forFlatWindows([a, b, y], (windows, count) => {
      const params = { count: Math.ceil(count / 4), ...scalars, ...words };
      launch(op, variant, windows, params, gridOf(Math.ceil(count / 4 / flat.vectors)));
    });
    return y;
  }
  const { run } = chooseElementVariant(a.gpu);
  const left = expandView(a, shape);
  const right = expandView(b, shape);
  forParts(op, [left, right, y], (parts) => {
    const merged = mergeAxes(
      op,
      parts[2].shape,
      parts.map((part) => part.strides),
    );
    const { shape: outer, strides, steps, params } = runsOf(merged, run);
    launch(
      op,
      binaryStridedKernel.variant(inRuns(binarySpecialization(fn, a.dtype), run)),
      parts,
      {
        shape0: front(outer),
        shape1: back(outer),
        aStrides0: front(strides[0]),
        aStrides1: back(strides[0]),
        bStrides0: front(strides[1]),
        bStrides1: back(strides[1]),
        yStrides0: front(strides[2]),
        yStrides1: back(strides[2]),
        aStep: steps[0],
        bStep: steps[1],
        yStep: steps[2],
        ...params,
        ...words,
      },
      gridOf(params.count),
    );
  });
  left.dispose();
  right.dispose();
  return y;
}
