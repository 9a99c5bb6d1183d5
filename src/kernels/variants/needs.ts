import type { Candidate, Gpu } from "../../gpu/index.ts";

/** What a device must have for a candidate, in words and as a question. */
export type Need = Required<Pick<Candidate, "needs" | "isAvailable">>;

/** Sizes of subgroups that kernels which pass values round in them are specialised for. */
export const SUBGROUP_SIZES: readonly number[] = [4, 8, 16, 32];

/** Lanes of a subgroup, where the device has subgroups of one size that kernels are written for; else undefined. */
export function fixedSubgroupSize({ adapter, features }: Gpu): number | undefined {
  const { subgroupMinSize: size, subgroupMaxSize } = adapter;
  const isFixed = size === subgroupMaxSize && SUBGROUP_SIZES.includes(size);
  return features.has("subgroups") && isFixed ? size : undefined;
}

export const SUBGROUPS: Need = {
  needs: "subgroups of one size, 4, 8, 16 or 32",
  isAvailable: (gpu) => fixedSubgroupSize(gpu) !== undefined,
};

export const SMALL_SUBGROUPS: Need = {
  needs: "subgroups of one size, 4, 8 or 16",
  isAvailable: (gpu) => (fixedSubgroupSize(gpu) ?? 32) < 32,
};

export const LARGE_WORKGROUPS: Need = {
  needs: "workgroups of 256 invocations",
  isAvailable: ({ limits }) => limits.maxComputeInvocationsPerWorkgroup >= 256,
};
