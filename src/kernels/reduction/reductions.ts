import { type Specialization, specializations } from "../../gpu/index.ts";
import { type DType, storageType } from "../../tensor/index.ts";
import { including } from "../library.ts";
import * as REDUCTIONS from "./reduction-functions.ts";

type Reduction = REDUCTIONS.Reduction;

type Stored = ReturnType<typeof storageType>;

/** Stored numbers an accumulator takes. */
export const widthOf = (accumulator: string): number => Number(/^vec(\d)/.exec(accumulator)?.[1] ?? 1);

/** The WGSL type of one stored number of an accumulator. */
export const partType = (accumulator: string): Stored => (/<(\w+)>/.exec(accumulator)?.[1] ?? accumulator) as Stored;

/** The type of a reduction's result. */
export const resultType = (reduction: Reduction, dtype: DType): DType => reduction.result?.(dtype) ?? dtype;

/**
 * What turns `reduce.wgsl` into one stage: the first reads elements, the last writes results. Elements are flat where the
 * reduced axes lie in memory as one.
 */
export const stageSpecialization = specializations(makeStageSpecialization);

function makeStageSpecialization(
  reduction: Reduction,
  dtype: DType,
  isFirst: boolean,
  isLast: boolean,
  isFlat: boolean,
): Specialization {
  const A = reduction.accumulator(dtype);
  const [X, Y] = [isFirst ? storageType(dtype) : A, isLast ? storageType(resultType(reduction, dtype)) : A];
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
const hasScalarAccumulator = (reduction: Reduction, dtype: DType): boolean =>
  widthOf(reduction.accumulator(dtype)) === 1;

/** The same for `reduce-neighbours.wgsl`, whose four are chunks, or results along the last kept axis. */
export const neighboursSpecialization = specializations(makeNeighboursSpecialization);

function makeNeighboursSpecialization(
  reduction: Reduction,
  dtype: DType,
  isFirst: boolean,
  isLast: boolean,
  acrossChunks: boolean,
): Specialization {
  const { X_WIDTH, Y_WIDTH, ...spec } = stageSpecialization(reduction, dtype, isFirst, isLast, true);
  return { ...spec, ...(acrossChunks ? {} : { ACROSS_CHUNKS: "false" }) };
}

/** Every specialisation in use. */
export const reductionVariants = (): Specialization[] =>
  Object.values<Reduction>(REDUCTIONS).flatMap((reduction) =>
    reduction.types.flatMap((dtype) =>
      [true, false].flatMap((isLast) => [
        stageSpecialization(reduction, dtype, true, isLast, true),
        stageSpecialization(reduction, dtype, true, isLast, false),
        stageSpecialization(reduction, dtype, false, isLast, true),
      ]),
    ),
  );

/** Every specialisation of four results at a time in use. Chunks across which there are four are not the last stage. */
export const neighboursVariants = (): Specialization[] =>
  Object.values<Reduction>(REDUCTIONS).flatMap((reduction) =>
    reduction.types
      .filter((dtype) => hasScalarAccumulator(reduction, dtype))
      .flatMap((dtype) =>
        [true, false].flatMap((isFirst) => [
          neighboursSpecialization(reduction, dtype, isFirst, false, true),
          neighboursSpecialization(reduction, dtype, isFirst, false, false),
          neighboursSpecialization(reduction, dtype, isFirst, true, false),
        ]),
      ),
  );
