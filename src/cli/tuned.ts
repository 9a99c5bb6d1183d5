import { join } from "node:path";
import { betterVariants, type FamilyResult } from "../bench/tune/index.ts";
import type { AdapterDescription, Gpu, VariantTable } from "../gpu/index.ts";
import { cacheFolder, readTextIfAny, writeTextWithFolders } from "../io/node/index.ts";
import { hashOf } from "../kernels/variants/variants.ts";
import type { BooleanOption } from "./arguments.ts";
import type { CommandContext } from "./context.ts";
import { graftVersion } from "./version.ts";

export const TUNED_OPTION = {
  type: "boolean",
  description: "use the kernel variants that `graft tune` found best on this adapter",
} as const satisfies BooleanOption;

/** What `graft tune` keeps of one adapter. */
export interface TunedFile {
  format: "graft-tune";
  /** The engine that was measured: another may have other kernels. */
  graft: string;
  adapter: Identity;
  /** When it was measured, in ISO 8601. */
  date: string;
  /** Families that had been measured, and of them the table that was better than the default. */
  families: string[];
  variants: VariantTable;
}

interface Identity {
  vendor: string;
  architecture: string;
  device: string;
  /** The driver and its version, where the adapter tells. */
  description: string;
}

const identityOf = ({ vendor, architecture, device, description }: AdapterDescription): Identity => ({
  vendor,
  architecture,
  device,
  description,
});

/** One file for each adapter and driver. */
export function tunedPath(env: CommandContext["env"], adapter: AdapterDescription): string {
  const hash = hashOf(JSON.stringify(identityOf(adapter)));
  return join(cacheFolder(env), "tune", `${adapter.class}-${hash}.json`);
}

async function readTuned(path: string): Promise<TunedFile | undefined> {
  const text = await readTextIfAny(path);
  if (text === undefined) return undefined;
  try {
    const file = JSON.parse(text) as TunedFile;
    const { variants, families, format } = file;
    const isTable = typeof variants === "object" && variants !== null && !Array.isArray(variants);
    if (format === "graft-tune" && isTable && Array.isArray(families)) return file;
  } catch {}
  throw new Error(`${path}: not a table of graft tune; delete it, or run: graft tune`);
}

/** Keeps what was found for the adapter; families that were not measured now stay as they were. */
export async function saveTuned(
  env: CommandContext["env"],
  { adapter }: Gpu,
  results: readonly FamilyResult[],
  now = new Date(),
): Promise<{ path: string; file: TunedFile }> {
  const path = tunedPath(env, adapter);
  const old = await readTuned(path).catch(() => undefined);
  const kept = old?.graft === graftVersion() ? old : undefined;
  const measured = results.map(({ family }) => family);
  const others = Object.entries(kept?.variants ?? {}).filter(([family]) => !measured.includes(family));
  const file: TunedFile = {
    format: "graft-tune",
    graft: graftVersion(),
    adapter: identityOf(adapter),
    date: now.toISOString(),
    families: [...new Set([...(kept?.families ?? []), ...measured])].sort(),
    variants: { ...Object.fromEntries(others), ...betterVariants(results) },
  };
  await writeTextWithFolders(path, `${JSON.stringify(file, null, 2)}\n`);
  return { path, file };
}

/** The table that was found for a handle's adapter by this version; null when there is none that can be read. */
export async function findTuned(env: CommandContext["env"], { adapter }: Gpu): Promise<VariantTable | null> {
  const file = await readTuned(tunedPath(env, adapter)).catch(() => undefined);
  return file?.graft === graftVersion() ? file.variants : null;
}

/**
 * Makes a handle use the table that was found for its adapter.
 *
 * @returns what to tell about it
 * @throws Error when the adapter was not tuned by this version, or the file is none of `graft tune`.
 */
export async function useTuned(env: CommandContext["env"], gpu: Gpu): Promise<string> {
  const path = tunedPath(env, gpu.adapter);
  const file = await readTuned(path);
  if (!file) throw new Error(`--tuned: ${gpu.adapter.name} was not tuned (there is no ${path}); run: graft tune`);
  if (file.graft !== graftVersion()) {
    throw new Error(`--tuned: ${path} is of graft ${file.graft}, this is ${graftVersion()}; run: graft tune`);
  }
  try {
    gpu.variants = file.variants;
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
  const table = Object.entries(file.variants).map(([family, candidate]) => `${family} ${candidate}`);
  return `Kernel variants: ${table.length === 0 ? "the defaults, which were the best" : table.join(", ")} (tuned)`;
}

/**
 * Lines that tell of the adapter and, with --tuned, of the table that its handle uses from then on.
 *
 * @throws Error as {@link useTuned} does
 */
export async function tellAdapter(
  { tuned }: { tuned: boolean },
  env: CommandContext["env"],
  gpu: Gpu,
): Promise<string> {
  return `Adapter: ${gpu.adapter.name}\n${tuned ? `${await useTuned(env, gpu)}\n` : ""}`;
}
