import { GpuError } from "../errors.ts";

/** Dawn's experimental feature: matrix units, reached by the invocations of a subgroup together. */
export const SUBGROUP_MATRIX_FEATURE = "chromium-experimental-subgroup-matrix";

/** One product that an adapter's matrix units make: [M, K] · [K, N] in `componentType`, summed in `resultComponentType`. */
export interface SubgroupMatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/**
 * The configurations of an adapter that kernels are written for: sums in f32 of products of f32 or f16, in matrices whose
 * sides are multiples of 4 up to 32.
 */
export function usableConfigs(info: GPUAdapterInfo): readonly SubgroupMatrixConfig[] {
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: readonly SubgroupMatrixConfig[] };
  return [...subgroupMatrixConfigs]
    .filter(({ componentType, resultComponentType }) => {
      return resultComponentType === "f32" && (componentType === "f32" || componentType === "f16");
    })
    .filter((config) => [config.M, config.N, config.K].every((side) => side > 0 && side <= 32 && side % 4 === 0))
    .map(({ componentType, resultComponentType, M, N, K }) => ({ componentType, resultComponentType, M, N, K }));
}

/**
 * Dawn's null backend, which `runsNothing`, has no configurations and compiles for all.
 *
 * @throws GpuError naming the adapter and what it lacks for subgroup matrices.
 */
export function requireSubgroupMatrices(
  features: Pick<GPUSupportedFeatures, "has">,
  info: GPUAdapterInfo,
  runsNothing = false,
): void {
  const refuse = (lack: string): never => {
    const { description, device, vendor } = info;
    const name = description || device || vendor || "this adapter";
    throw new GpuError(`Gpu.open: subgroupMatrices: ${name} ${lack}; open it without this option`);
  };
  if (!features.has(SUBGROUP_MATRIX_FEATURE)) refuse(`lacks the feature ${SUBGROUP_MATRIX_FEATURE}`);
  if (!runsNothing && usableConfigs(info).length === 0) {
    refuse("has no configuration of matrices that sums products of f32 or f16 in f32");
  }
}
