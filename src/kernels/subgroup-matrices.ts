import { type Gpu, type Specialization, SUBGROUP_MATRIX_FEATURE, type SubgroupMatrixConfig } from "../gpu/index.ts";

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
export function matrixConfigFor(gpu: Gpu, areHalves: boolean): SubgroupMatrixConfig | undefined {
  const type = areHalves && gpu.features.has("shader-f16") ? "f16" : "f32";
  const work = ({ M, N, K }: SubgroupMatrixConfig): number => M * N * 64 + K;
  return gpu.adapter.subgroupMatrixConfigs
    .filter(({ componentType }) => componentType === type)
    .reduce<SubgroupMatrixConfig | undefined>((best, one) => (best && work(best) >= work(one) ? best : one), undefined);
}

/** What the shader is told of a configuration, on subgroups of at most `lanes`. */
export const matrixSpecialization = (
  { componentType, M, N, K }: Pick<SubgroupMatrixConfig, "componentType" | "M" | "N" | "K">,
  lanes: number,
): Specialization => ({
  ...(componentType === "f16" ? { enable: "f16", Operand: "f16" } : {}),
  MATRIX_M: M,
  MATRIX_N: N,
  MATRIX_K: K,
  LANES: lanes,
});
