import binarySource from "../../shaders/binary.wgsl";
import binaryStridedSource from "../../shaders/binary-strided.wgsl";
import unarySource from "../../shaders/unary.wgsl";
import { defineKernel, type Specialization } from "../gpu/index.ts";
import {
  broadcastShapes,
  type DType,
  expandView,
  formatShape,
  shapesEqual,
  storageType,
  type Tensor,
} from "../tensor/index.ts";
import { contiguous } from "./copy.ts";
import { gridOf, launch, output } from "./launch.ts";
import { mergeAxes, twoVectors } from "./strided.ts";
import { forFlatWindows, forParts } from "./windows.ts";

/** Bodies of `apply` for one operand `v`; `params.a` and `params.b` are numbers of the call. */
export const UNARY = {
  identity: "return v;",
  affine: "return vec4<R>(vec4<f32>(v) * params.a + params.b);",
  neg: "return -v;",
  exp: "return exp(v);",
  log: "return log(v);",
  sqrt: "return sqrt(v);",
  rsqrt: "return 1.0 / sqrt(v);",
  square: "return v * v;",
  reciprocal: "return 1.0 / v;",
  // The quotient loses digits near 0, where the series takes over.
  tanh: "let e = exp(-2.0 * abs(v)); let q = v * v; return select(sign(v) * (1.0 - e) / (1.0 + e), v * (1.0 + q * (-0.33333333 + q * (0.13333333 - q * 0.053968254))), abs(v) < vec4<f32>(0.15));",
  // x · sigmoid(2u) = 0.5 x (1 + tanh u), u = sqrt(2/π) (x + 0.044715 x³); exact where WGSL's tanh is loose.
  gelu: "return v / (1.0 + exp(-1.5957691216057308 * (v + 0.044715 * v * v * v)));",
} as const;

/** Bodies of `apply` for two operands. */
export const BINARY = {
  add: "return a + b;",
  sub: "return a - b;",
  mul: "return a * b;",
  div: "return a / b;",
  equal: "return select(vec4<u32>(0u), vec4<u32>(1u), a == b);",
  notEqual: "return select(vec4<u32>(0u), vec4<u32>(1u), a != b);",
  less: "return select(vec4<u32>(0u), vec4<u32>(1u), a < b);",
  greater: "return select(vec4<u32>(0u), vec4<u32>(1u), a > b);",
  // Gradient of gelu: a is the incoming gradient, b the input.
  geluBackward:
    "let s = 1.0 / (1.0 + exp(-1.5957691216057308 * (b + 0.044715 * b * b * b))); return a * s * (1.0 + b * (1.0 - s) * 1.5957691216057308 * (1.0 + 0.134145 * b * b));",
} as const;

export type UnaryName = keyof typeof UNARY;
export type BinaryName = keyof typeof BINARY;

const unaryKernel = defineKernel({
  name: "unary",
  source: unarySource,
  bindings: { x: "read", y: "read_write" },
  params: { count: "u32", xOffset: "u32", yOffset: "u32", a: "f32", b: "f32" },
  variants: () => [
    ...namesOf(UNARY).flatMap((name) => FLOATS.map((dtype) => unarySpecialization(name, dtype))),
    ...(["f32", "f16", "i32", "u32"] as const).flatMap((from) =>
      (["f32", "f16", "i32", "u32", "bool"] as const).map((to) => castSpecialization(from, to)),
    ),
  ],
});

const FLOATS = ["f32", "f16"] as const;
const namesOf = <T extends object>(table: T): (keyof T)[] => Object.keys(table) as (keyof T)[];

const binaryVariants = (): Specialization[] =>
  namesOf(BINARY).flatMap((name) =>
    [...FLOATS, ...(name === "geluBackward" ? [] : (["i32", "u32"] as const))].map((dtype) =>
      binarySpecialization(name, dtype),
    ),
  );
const COMPARISONS: ReadonlySet<BinaryName> = new Set(["equal", "notEqual", "less", "greater"]);

const binaryKernel = defineKernel({
  name: "binary",
  source: binarySource,
  bindings: { a: "read", b: "read", y: "read_write" },
  params: { count: "u32", aOffset: "u32", bOffset: "u32", yOffset: "u32", aIsScalar: "u32", bIsScalar: "u32" },
  variants: binaryVariants,
});

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
    aOffset: "u32",
    bOffset: "u32",
    yOffset: "u32",
  },
  variants: binaryVariants,
});

/** The type arithmetic on a stored type is done in. */
const computeType = (dtype: DType): string => (dtype === "f16" || dtype === "f32" ? "f32" : storageType(dtype));

const withF16 = (...dtypes: DType[]): { enable?: string } => (dtypes.includes("f16") ? { enable: "f16" } : {});

function castSpecialization(from: DType, to: DType): Record<string, string> {
  const C = computeType(from);
  const R = computeType(to);
  const converted = to === "bool" ? "return vec4<R>(v != vec4<C>(0));" : "return vec4<R>(v);";
  return { X: storageType(from), Y: storageType(to), C, R, apply: converted, ...withF16(from, to) };
}

function unarySpecialization(name: UnaryName, dtype: DType): Record<string, string> {
  const type = storageType(dtype);
  const compute = computeType(dtype);
  return { X: type, Y: type, C: compute, R: compute, apply: UNARY[name], ...withF16(dtype) };
}

function binarySpecialization(name: BinaryName, dtype: DType): Record<string, string> {
  const type = storageType(dtype);
  const C = computeType(dtype);
  const [Y, R] = COMPARISONS.has(name) ? ["u32", "u32"] : [type, C];
  return { A: type, B: type, Y, C, R, apply: BINARY[name], ...withF16(dtype) };
}

/** Applies one function to every element. */
export function unary(op: string, x: Tensor, name: UnaryName, a = 0, b = 0): Tensor {
  return launchUnary(op, x, x.dtype, unarySpecialization(name, x.dtype), a, b);
}

/** The values in another element type; floats are truncated towards zero, bool is 0 or 1. */
export function castTo(x: Tensor, dtype: DType): Tensor {
  return launchUnary("cast", x, dtype, castSpecialization(x.dtype, dtype), 0, 0);
}

function launchUnary(op: string, x: Tensor, dtype: DType, spec: Record<string, string>, a: number, b: number): Tensor {
  const variant = unaryKernel.variant(spec);
  const y = output(op, x, x.shape, dtype);
  if (x.size === 0) return y;
  forFlatWindows([contiguous(x), y], (windows, count) => {
    const vectors = Math.ceil(count / 4);
    launch(op, variant, windows, { count: vectors, a, b }, gridOf(vectors));
  });
  return y;
}

/** Applies a function of two operands, broadcast to a common shape. */
export function binary(op: string, a: Tensor, b: Tensor, name: BinaryName): Tensor {
  if (a.dtype !== b.dtype) {
    throw new Error(
      `${op}: types ${a.dtype}${formatShape(a.shape)} and ${b.dtype}${formatShape(b.shape)} differ; cast one`,
    );
  }
  const shape = broadcastShapes(op, a.shape, b.shape);
  const dtype: DType = COMPARISONS.has(name) ? "bool" : a.dtype;
  const y = output(op, a, shape, dtype);
  if (y.size === 0) return y;
  const spec = binarySpecialization(name, a.dtype);
  const isFlat = (x: Tensor): boolean => x.size === 1 || (x.isContiguous && shapesEqual(x.shape, shape));
  if (isFlat(a) && isFlat(b)) {
    const variant = binaryKernel.variant(spec);
    forFlatWindows([a, b, y], (windows, count) => {
      const vectors = Math.ceil(count / 4);
      const scalars = { aIsScalar: a.size === 1 ? 1 : 0, bIsScalar: b.size === 1 ? 1 : 0 };
      launch(op, variant, windows, { count: vectors, ...scalars }, gridOf(vectors));
    });
    return y;
  }
  const left = expandView(a, shape);
  const right = expandView(b, shape);
  forParts(op, [left, right, y], (parts) => {
    const merged = mergeAxes(
      op,
      parts[2].shape,
      parts.map((part) => part.strides),
    );
    launch(
      op,
      binaryStridedKernel.variant(spec),
      parts,
      {
        ...twoVectors("shape", merged.shape),
        ...twoVectors("aStrides", merged.strides[0]),
        ...twoVectors("bStrides", merged.strides[1]),
        ...twoVectors("yStrides", merged.strides[2]),
        count: parts[2].size,
        rank: merged.shape.length,
      },
      gridOf(parts[2].size),
    );
  });
  left.dispose();
  right.dispose();
  return y;
}
