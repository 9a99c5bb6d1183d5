import { type FamilyDefinition, type Gpu, KernelFamily, type VariantTable } from "../../gpu/index.ts";
import { FAMILY_NAMES, type FamilyName, NEEDS, VARIANT_TABLE } from "./table.ts";

/** A family of kernels that goes by the table of the repository. */
/* @__NO_SIDE_EFFECTS__ */ export function defineFamily<Value>(
  definition: Omit<FamilyDefinition<Value>, "preference" | "siblings"> & { readonly name: FamilyName },
): KernelFamily<Value> {
  const needs = NEEDS[definition.name];
  return new KernelFamily({
    ...definition,
    candidates: definition.candidates.map((candidate) => ({ ...candidate, ...needs?.[candidate.name] })),
    siblings: FAMILY_NAMES,
    preference: (adapterClass) => VARIANT_TABLE[adapterClass][definition.name],
  });
}

/**
 * The candidate that each family uses on a device, by name of the family: of every family that there is, whether or not a
 * program has its kernels.
 */
export function effectiveVariants(gpu: Gpu): VariantTable {
  const { adapter, variants } = gpu;
  const preferred = (family: FamilyName): string =>
    VARIANT_TABLE[adapter.class][family].find((name) => NEEDS[family]?.[name]?.isAvailable(gpu) ?? true)!;
  return Object.fromEntries(FAMILY_NAMES.map((family) => [family, variants[family] ?? preferred(family)]));
}

/** A short name for the table that a device goes by: equal for equal tables, in every process and program. */
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
