import { type Specialization, specializations } from "../../gpu/index.ts";
import { type DType, isFloat, storageType } from "../../tensor/index.ts";
import { including, type LibraryName } from "../library.ts";
import { ORDER_KEYS } from "../sort/order-keys.ts";

type Stored = ReturnType<typeof storageType>;

/** One way to reduce: bodies of the functions of `reduce.wgsl`, where they differ from its own. */
export interface Reduction {
  /** Type of the accumulator for a type of elements. */
  accumulator(dtype: DType): string;
  /** From an element `v` and its `index` to an accumulator. */
  prepare?(dtype: DType): string;
  combine?(dtype: DType): string;
  /** From an accumulator `a` to the result. */
  finish?: string;
  /** Files of the library whose functions the bodies call. */
  uses?: readonly LibraryName[];
  /** Type of the result, when it is not that of the elements. */
  result?(dtype: DType): DType;
}

/** Floats accumulate in f32; bool counts as i32. */
const arithmetic = (dtype: DType): string => (isFloat(dtype) ? "f32" : dtype === "bool" ? "i32" : dtype);
const countBool = (dtype: DType): DType => (dtype === "bool" ? "i32" : dtype);
const storedOrF32 = (dtype: DType): string => (isFloat(dtype) ? "f32" : storageType(dtype));

/** Adapters may drop a NaN in max() and min(); its exponent bits tell it, and the sum lets it through. */
/* @__NO_SIDE_EFFECTS__ */ const extremum = (name: "max" | "min") => (dtype: DType) =>
  isFloat(dtype)
    ? `return select(${name}(a, b), a + b, max(bitcast<u32>(a) & 0x7fffffffu, bitcast<u32>(b) & 0x7fffffffu) > 0x7f800000u);`
    : `return ${name}(a, b);`;

/** 1 for what is not ±0, NaN included. */
const isNonzero = (dtype: DType): string =>
  isFloat(dtype) ? "return A((bitcast<u32>(f32(v)) << 1u) != 0u);" : "return A(v != X(0));";

/** A NaN is the greatest of all, and first of equals wins, whatever the order of the chunks. */
/* @__NO_SIDE_EFFECTS__ */ const argument = (key: string): Reduction => ({
  accumulator: () => "vec2<u32>",
  prepare: (dtype) => `${ORDER_KEYS[storageType(dtype)]} return A(${key}, index);`,
  combine: () => "return select(a, b, b.x > a.x || (b.x == a.x && b.y < a.y));",
  finish: "return Y(a.y);",
  result: () => "i32",
});

/**
 * (count, anchor, mean − anchor, sum of squared deviations), merged as in Chan, Golub and LeVeque, "Updating formulae and
 * a pairwise algorithm for computing sample variances" (1979). Means are kept relative to a nearby element, so that
 * no digits are lost when they are large beside the deviations. What is not finite makes the deviations NaN.
 */
/* @__NO_SIDE_EFFECTS__ */ const moments = (finish: string): Reduction => ({
  accumulator: () => "vec4<f32>",
  prepare: () =>
    "let m = bitcast<u32>(f32(v)) & 0x7fffffffu; return A(1.0, f32(v), 0.0, select(0.0, bitcast<f32>(m | 0x400000u), m >= 0x7f800000u));",
  combine: () =>
    "let n = a.x + b.x; let d = (b.y - a.y) + (b.z - a.z); let w = d * (b.x / n); return A(n, a.y, a.z + w, (a.w + b.w) + (d - w) * d * b.x);",
  finish,
});

const absolute = () => "return abs(A(v));";

/** By name. `params.a` and `params.b` are numbers of the call. */
export const REDUCTIONS = {
  sum: { accumulator: arithmetic, result: countBool },
  mean: { accumulator: arithmetic, finish: "return Y(a / params.a);" },
  prod: { accumulator: arithmetic, combine: () => "return a * b;", result: countBool },
  max: { accumulator: storedOrF32, combine: extremum("max") },
  min: { accumulator: storedOrF32, combine: extremum("min") },
  any: { accumulator: () => "u32", prepare: isNonzero, combine: () => "return a | b;", result: () => "bool" },
  all: { accumulator: () => "u32", prepare: isNonzero, combine: () => "return a & b;", result: () => "bool" },
  argmax: argument("key"),
  argmin: argument("select(~key, key, key == 0xffffffffu)"),
  variance: moments("return Y(a.w / params.a);"),
  std: moments("return Y(sqrt(a.w / params.a));"),
  // (maximum, Σ exp(x − maximum)): equal maxima, infinite ones too, count 1.
  logsumexp: {
    accumulator: () => "vec2<f32>",
    prepare: () => "return A(f32(v), 1.0);",
    combine: () =>
      "let isLater = b.x > a.x; let high = select(a, b, isLater); let low = select(b, a, isLater); let isNaN = max(bitcast<u32>(a.x) & 0x7fffffffu, bitcast<u32>(b.x) & 0x7fffffffu) > 0x7f800000u; return A(select(high.x, a.x + b.x, isNaN), high.y + low.y * select(exponential(vec4(low.x - high.x)).x, 1.0, low.x == high.x));",
    finish: "return Y(a.x + logarithm(vec4(a.y)).x);",
    uses: ["exponential", "logarithm"],
  },
  sumOfSquares: { accumulator: arithmetic, prepare: () => "return A(v) * A(v);" },
  countNonzero: { accumulator: arithmetic, prepare: isNonzero },
  sumOfMagnitudes: { accumulator: arithmetic, prepare: absolute },
  norm: { accumulator: arithmetic, prepare: () => "return A(v) * A(v);", finish: "return Y(sqrt(a));" },
  powerNorm: {
    accumulator: arithmetic,
    prepare: () => "return power(vec4(abs(A(v))), vec4(params.a)).x;",
    finish: "return Y(power(vec4(a), vec4(params.b)).x);",
    uses: ["power"],
  },
  maxMagnitude: { accumulator: arithmetic, prepare: absolute, combine: extremum("max") },
  minMagnitude: { accumulator: arithmetic, prepare: absolute, combine: extremum("min") },
} as const satisfies Record<string, Reduction>;

export type ReductionName = keyof typeof REDUCTIONS;

/** Stored numbers an accumulator takes. */
export const widthOf = (accumulator: string): number => Number(/^vec(\d)/.exec(accumulator)?.[1] ?? 1);

/** The WGSL type of one stored number of an accumulator. */
export const partType = (accumulator: string): Stored => (/<(\w+)>/.exec(accumulator)?.[1] ?? accumulator) as Stored;

/** The type of a reduction's result. */
export const resultType = (name: ReductionName, dtype: DType): DType =>
  (REDUCTIONS[name] as Reduction).result?.(dtype) ?? dtype;

/**
 * What turns `reduce.wgsl` into one stage: the first reads elements, the last writes results. Elements are flat where the
 * reduced axes lie in memory as one.
 */
export const stageSpecialization = specializations(makeStageSpecialization);

function makeStageSpecialization(
  name: ReductionName,
  dtype: DType,
  isFirst: boolean,
  isLast: boolean,
  isFlat: boolean,
): Specialization {
  const reduction: Reduction = REDUCTIONS[name];
  const A = reduction.accumulator(dtype);
  const [X, Y] = [isFirst ? storageType(dtype) : A, isLast ? storageType(resultType(name, dtype)) : A];
  const prepare = isFirst ? reduction.prepare?.(dtype) : "return v;";
  const finish = isLast ? reduction.finish : "return a;";
  const combine = reduction.combine?.(dtype);
  return {
    X,
    A,
    Y,
    X_WIDTH: isFirst ? "1u" : `${widthOf(A)}u`,
    Y_WIDTH: isLast ? "1u" : `${widthOf(A)}u`,
    ...(isFlat ? {} : { IS_FLAT: "false" }),
    ...(prepare ? { prepare } : {}),
    ...(combine ? { combine } : {}),
    ...(finish ? { finish } : {}),
    ...including(...(reduction.uses ?? [])),
    ...(X === "f16" || Y === "f16" ? { enable: "f16" } : {}),
  };
}

/** Whether a stage can make four results at a time: their accumulators are numbers, told apart by no index. */
export const hasScalarAccumulator = (name: ReductionName, dtype: DType): boolean =>
  widthOf((REDUCTIONS[name] as Reduction).accumulator(dtype)) === 1;

/** The same for `reduce-neighbours.wgsl`, whose four are chunks, or results along the last kept axis. */
export const neighboursSpecialization = specializations(makeNeighboursSpecialization);

function makeNeighboursSpecialization(
  name: ReductionName,
  dtype: DType,
  isFirst: boolean,
  isLast: boolean,
  acrossChunks: boolean,
): Specialization {
  const { X_WIDTH, Y_WIDTH, ...spec } = stageSpecialization(name, dtype, isFirst, isLast, true);
  return { ...spec, ...(acrossChunks ? {} : { ACROSS_CHUNKS: "false" }) };
}

const FLOATS: readonly DType[] = ["f32", "f16"];
const NUMBERS: readonly DType[] = [...FLOATS, "i32", "u32"];

/** Types of elements that a reduction takes. */
export const REDUCED_TYPES: Record<ReductionName, readonly DType[]> = {
  sum: [...NUMBERS, "bool"],
  mean: FLOATS,
  prod: [...NUMBERS, "bool"],
  max: [...NUMBERS, "bool"],
  min: [...NUMBERS, "bool"],
  any: [...NUMBERS, "bool"],
  all: [...NUMBERS, "bool"],
  argmax: [...NUMBERS, "bool"],
  argmin: [...NUMBERS, "bool"],
  variance: FLOATS,
  std: FLOATS,
  logsumexp: FLOATS,
  sumOfSquares: ["f32"],
  countNonzero: FLOATS,
  sumOfMagnitudes: FLOATS,
  norm: FLOATS,
  powerNorm: FLOATS,
  maxMagnitude: FLOATS,
  minMagnitude: FLOATS,
};

/** Every specialisation in use. */
export const reductionVariants = (): Specialization[] =>
  (Object.keys(REDUCTIONS) as ReductionName[]).flatMap((name) =>
    REDUCED_TYPES[name].flatMap((dtype) =>
      [true, false].flatMap((isLast) => [
        stageSpecialization(name, dtype, true, isLast, true),
        stageSpecialization(name, dtype, true, isLast, false),
        stageSpecialization(name, dtype, false, isLast, true),
      ]),
    ),
  );

/** Every specialisation of four results at a time in use. Chunks across which there are four are not the last stage. */
export const neighboursVariants = (): Specialization[] =>
  (Object.keys(REDUCTIONS) as ReductionName[]).flatMap((name) =>
    REDUCED_TYPES[name]
      .filter((dtype) => hasScalarAccumulator(name, dtype))
      .flatMap((dtype) =>
        [true, false].flatMap((isFirst) => [
          neighboursSpecialization(name, dtype, isFirst, false, true),
          neighboursSpecialization(name, dtype, isFirst, false, false),
          neighboursSpecialization(name, dtype, isFirst, true, false),
        ]),
      ),
  );
