import ternarySource from "../../../shaders/elementwise/ternary.wgsl";
import ternaryStridedSource from "../../../shaders/elementwise/ternary-strided.wgsl";
import { defineKernel, joined, listVariants, type Specialization, specializations } from "../../gpu/index.ts";
import { type DType, expandView, isFloat, type Shape, type Tensor } from "../../tensor/index.ts";
import { gridOf, launch, output } from "../launch.ts";
import { FLOAT, including } from "../library.ts";
import { back, front, mergeAxes, runsOf } from "../strided.ts";
import { forFlatWindows, forParts } from "../windows.ts";
import { withF16, wordOf } from "./element-function.ts";
import { chooseElementVariant, inAllRuns, inAllVectors, inRuns, inVectors } from "./element-variant.ts";
import { isFlat } from "./elementwise.ts";

/** Functions of three operands: `c` has a type of its own, `a`, `b` and the result share one. */
const TERNARY = {
  /** a where c holds, else b: a move of bits, whatever they mean. */
  where: { apply: "return select(b, a, c != vec4<C>(0));", isSelection: true },
  /** c, half of it where a equals b, 0 where a is smaller: the share of a in the gradient c of the larger. */
  maximumShare: {
    apply:
      "let whole = areOrdered(a, b); let m = orderOf(a); let n = orderOf(b); return select(select(c, 0.5 * c, whole & (m == n)), vec4<R>(0), whole & (m < n));",
    isSelection: false,
  },
  minimumShare: {
    apply:
      "let whole = areOrdered(a, b); let m = orderOf(a); let n = orderOf(b); return select(select(c, 0.5 * c, whole & (m == n)), vec4<R>(0), whole & (m > n));",
    isSelection: false,
  },
  /** The slope of the squared error of a from b, times c. */
  squaredSlope: { apply: "return c * (2.0 * (a - b));", isSelection: false },
} as const;

export type TernaryName = keyof typeof TERNARY;

const specialization = specializations(makeSpecialization);

function makeSpecialization(name: TernaryName, dtype: DType): Record<string, string> {
  const { apply, isSelection } = TERNARY[name];
  const half = dtype === "f16";
  if (isSelection)
    return { P: "u32", T: half ? "f16" : "u32", C: "u32", R: half ? "f32" : "u32", apply, ...withF16(dtype) };
  const type = half ? "f16" : "f32";
  return { P: type, T: type, C: "f32", R: "f32", apply, ...including(FLOAT), ...withF16(dtype) };
}

const variants = (): Specialization[] =>
  (Object.keys(TERNARY) as TernaryName[]).flatMap((name) =>
    (["f32", "f16"] as const).map((dtype) => specialization(name, dtype)),
  );

const NUMBERS = { aIsNumber: "u32", bIsNumber: "u32", aNumber: "u32", bNumber: "u32" } as const;

const ternaryKernel = defineKernel({
  name: "ternary",
  source: ternarySource,
  bindings: { c: "read", a: "read", b: "read", y: "read_write" },
  params: joined(
    {
      count: "u32",
      cOffset: "u32",
      aOffset: "u32",
      bOffset: "u32",
      yOffset: "u32",
      cIsScalar: "u32",
      aIsScalar: "u32",
      bIsScalar: "u32",
    },
    NUMBERS,
  ),
});
listVariants(ternaryKernel, () => inAllVectors(variants()));

const ternaryStridedKernel = defineKernel({
  name: "ternary-strided",
  source: ternaryStridedSource,
  bindings: { c: "read", a: "read", b: "read", y: "read_write" },
  params: joined(
    {
      shape0: "vec4<u32>",
      shape1: "vec4<u32>",
      cStrides0: "vec4<u32>",
      cStrides1: "vec4<u32>",
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
      cStep: "u32",
      aStep: "u32",
      bStep: "u32",
      yStep: "u32",
      cOffset: "u32",
      aOffset: "u32",
      bOffset: "u32",
      yOffset: "u32",
    },
    NUMBERS,
  ),
});
listVariants(ternaryStridedKernel, () => inAllRuns(variants()));

/**
 * Applies a function of three operands, broadcast to `shape`; `a` and `b` may be numbers. The result has `dtype`, which
 * is also that of `a` and `b`.
 */
export function ternary(
  op: string,
  c: Tensor,
  a: Tensor | number,
  b: Tensor | number,
  name: TernaryName,
  shape: Shape,
  dtype: DType,
): Tensor {
  const y = output(op, c, shape, dtype);
  if (y.size === 0) return y;
  const spec = specialization(name, isFloat(dtype) ? dtype : "f32");
  const numbers = {
    aIsNumber: typeof a === "number" ? 1 : 0,
    bIsNumber: typeof b === "number" ? 1 : 0,
    aNumber: typeof a === "number" ? wordOf(a, dtype) : 0,
    bNumber: typeof b === "number" ? wordOf(b, dtype) : 0,
  };
  // In the place of a number some other operand is bound, and not used.
  const operands = [c, a, b].map((x) => (typeof x === "number" ? c : x));
  if (operands.every((x) => isFlat(x, shape))) {
    const flat = inVectors(c.gpu, spec);
    const variant = ternaryKernel.variant(flat.spec);
    const [cIsScalar, aIsScalar, bIsScalar] = operands.map((x) => (x.size === 1 ? 1 : 0));
    forFlatWindows([...operands, y], (windows, count) => {
      const values = { count: Math.ceil(count / 4), cIsScalar, aIsScalar, bIsScalar, ...numbers };
      launch(op, variant, windows, values, gridOf(Math.ceil(count / 4 / flat.vectors)));
    });
    return y;
  }
  const { run } = chooseElementVariant(c.gpu);
  const views = operands.map((x) => expandView(x, shape));
  forParts(op, [...views, y], (parts) => {
    const merged = mergeAxes(
      op,
      parts[3].shape,
      parts.map((part) => part.strides),
    );
    const { shape: outer, strides, steps, params } = runsOf(merged, run);
    launch(
      op,
      ternaryStridedKernel.variant(inRuns(spec, run)),
      parts,
      {
        shape0: front(outer),
        shape1: back(outer),
        cStrides0: front(strides[0]),
        cStrides1: back(strides[0]),
        aStrides0: front(strides[1]),
        aStrides1: back(strides[1]),
        bStrides0: front(strides[2]),
        bStrides1: back(strides[2]),
        yStrides0: front(strides[3]),
        yStrides1: back(strides[3]),
        cStep: steps[0],
        aStep: steps[1],
        bStep: steps[2],
        yStep: steps[3],
        ...params,
        ...numbers,
      },
      gridOf(params.count),
    );
  });
  for (const view of views) view.dispose();
  return y;
}
