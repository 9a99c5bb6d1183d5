import epilogueSource from "../../../shaders/matmul/matmul-epilogue.wgsl";
import problemSource from "../../../shaders/matmul/matmul-problem.wgsl";
import matmulMatrixSource from "../../../shaders/matmul/matmul-subgroup-matrix.wgsl";
import {
  defineKernel,
  type Gpu,
  joined,
  listVariants,
  type Specialization,
  SUBGROUP_MATRIX_FEATURE,
  type SubgroupMatrixConfig,
} from "../../gpu/index.ts";
import { layouts, type MatmulProblem, type MatmulVariant, PRODUCT, problemSpecialization } from "./problem.ts";

// Products by an adapter's matrix units, which Dawn has in Node alone: files for browsers are built without this module.

/** What products by matrix units need of a device. */
export const NEEDS_MATRICES = "Gpu.open({ subgroupMatrices: true }) and an adapter with matrix units that sum in f32";

/** Workgroups are as large as the largest subgroup, and within WebGPU's guaranteed minimum. */
export const hasMatrices = ({ features, adapter }: Gpu): boolean =>
  features.has(SUBGROUP_MATRIX_FEATURE) &&
  adapter.subgroupMatrixConfigs.length > 0 &&
  adapter.subgroupMaxSize > 0 &&
  adapter.subgroupMaxSize <= 128;

/**
 * The configuration for a product: of halves where both operands are halves, else of f32. Of several it takes the one with
 * the largest matrices of C, of those the one with the most k. Nothing when the adapter has none.
 */
function matrixConfigFor(gpu: Gpu, areHalves: boolean): SubgroupMatrixConfig | undefined {
  const type = areHalves && gpu.features.has("shader-f16") ? "f16" : "f32";
  const work = ({ M, N, K }: SubgroupMatrixConfig): number => M * N * 64 + K;
  return gpu.adapter.subgroupMatrixConfigs
    .filter(({ componentType }) => componentType === type)
    .reduce<SubgroupMatrixConfig | undefined>((best, one) => (best && work(best) >= work(one) ? best : one), undefined);
}

/** What the shader is told of a configuration, on subgroups of at most `lanes`. */
const matrixSpecialization = (
  { componentType, M, N, K }: Pick<SubgroupMatrixConfig, "componentType" | "M" | "N" | "K">,
  lanes: number,
): Specialization => ({
  ...(componentType === "f16" ? { enable: "f16", Operand: "f16" } : {}),
  MATRIX_M: M,
  MATRIX_N: N,
  MATRIX_K: K,
  LANES: lanes,
});

/** By the adapter's matrix units. Experimental: compiled and checked, and never run yet, for want of such an adapter. */
const matrixKernel = defineKernel(
  joined(PRODUCT, {
    name: "matmul-subgroup-matrix",
    source: matmulMatrixSource,
    parts: [problemSource, epilogueSource],
    feature: SUBGROUP_MATRIX_FEATURE,
  }),
);
listVariants(matrixKernel, () =>
  layouts().flatMap((a) =>
    layouts().flatMap((b) =>
      ["f32", ...(areHalves({ a, b }) ? ["f16"] : [])].flatMap((componentType) =>
        [false, true].map((isActivated) => ({
          ...matrixSpecialization({ componentType, M: 8, N: 16, K: 32 }, 128),
          ...problemSpecialization({ a, b, isActivated }),
        })),
      ),
    ),
  ),
);

const areHalves = ({ a, b }: Pick<MatmulProblem, "a" | "b">): boolean => a.reads === "halves" && b.reads === "halves";

/** By matrix units where the adapter has a configuration for what the operands are stored as; nothing elsewhere. */
export function matrixVariant(gpu: Gpu, problem: MatmulProblem): MatmulVariant | undefined {
  const config = matrixConfigFor(gpu, areHalves(problem));
  if (!config) return undefined;
  const tile = matrixSpecialization(config, gpu.adapter.subgroupMaxSize);
  const variant = matrixKernel.variant({ ...tile, ...problemSpecialization(problem) });
  return { variant, rows: 2 * config.M, columns: 2 * config.N };
}
