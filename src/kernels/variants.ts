import { definedFamilies, type FamilyDefinition, type Gpu, KernelFamily, type VariantTable } from "../gpu/index.ts";
import { type FamilyName, VARIANT_TABLE } from "./variant-table.ts";

/** A family of kernels that goes by the table of the repository. */
/* @__NO_SIDE_EFFECTS__ */ export function defineFamily<Value>(
  definition: Omit<FamilyDefinition<Value>, "preference"> & { readonly name: FamilyName },
): KernelFamily<Value> {
  return new KernelFamily({
    ...definition,
    preference: (adapterClass) => VARIANT_TABLE[adapterClass][definition.name],
  });
}

/** Lanes of a subgroup, where the device has subgroups of one size that kernels are written for; else undefined. */
export function fixedSubgroupSize({ adapter, features }: Gpu): number | undefined {
  const { subgroupMinSize: size, subgroupMaxSize } = adapter;
  const isFixed = size === subgroupMaxSize && SUBGROUP_SIZES.includes(size);
  return features.has("subgroups") && isFixed ? size : undefined;
}

/** Sizes of subgroups that kernels which pass values round in them are specialised for. */
export const SUBGROUP_SIZES: readonly number[] = [4, 8, 16, 32];

/** The candidate that each family uses on a device, by name of the family. */
export function effectiveVariants(gpu: Gpu): VariantTable {
  return Object.fromEntries(definedFamilies().map((family) => [family.name, family.choose(gpu).name]));
}

/** A short name for the table that a device goes by: equal for equal tables, in every process. */
export function variantHash(gpu: Gpu): string {
  return hashOf(JSON.stringify(Object.entries(effectiveVariants(gpu))));
}

/** FNV-1a in 64 bits, as hexadecimal digits. */
export function hashOf(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text))
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash.toString(16).padStart(16, "0");
}
