import type { AdapterClass } from "../adapter/adapter.ts";
import { GpuError } from "../errors.ts";
import type { Gpu } from "../gpu.ts";

/** One of several ways to compute what a family of kernels computes. */
export interface Candidate<Value = unknown> {
  readonly name: string;
  /** What a device must have for it, in words that follow "needs"; nothing when every device can run it. */
  readonly needs?: string;
  /** Whether the device has that. */
  readonly isAvailable?: (gpu: Gpu) => boolean;
  /**
   * How it groups sums, where the candidates of its family do that differently: those that say the same give the same
   * bits, and others agree to rounding.
   */
  readonly sums?: string;
  /** What the family's host code goes by. */
  readonly value: Value;
}

/**
 * Names of candidates by family, as {@link Gpu.variants} takes them. A family that is left out goes by the adapter's
 * class.
 */
export type VariantTable = Readonly<Record<string, string>>;

export interface FamilyDefinition<Value> {
  readonly name: string;
  readonly candidates: readonly Candidate<Value>[];
  /** Names of all families of its table; a program may do without the kernels of some. */
  readonly siblings?: readonly string[];
  /** Names of candidates by preference: the first that a device can run is used. */
  readonly preference: (adapterClass: AdapterClass) => readonly string[];
}

const registered = new Map<string, KernelFamily>();

/** Kernels that compute the same in different ways, of which one is chosen for a device. */
export class KernelFamily<Value = unknown> {
  readonly #chosen = new WeakMap<Gpu, { table: VariantTable; candidate: Candidate<Value> }>();

  constructor(readonly definition: FamilyDefinition<Value>) {
    if (registered.has(definition.name)) throw new Error(`kernel family ${definition.name} is defined twice`);
    registered.set(definition.name, this);
  }

  get name(): string {
    return this.definition.name;
  }

  get candidates(): readonly Candidate<Value>[] {
    return this.definition.candidates;
  }

  /** The candidate for a device: the one its table names, else the first of its class's preference that it can run. */
  choose(gpu: Gpu): Candidate<Value> {
    const { adapter, variants: table } = gpu;
    const known = this.#chosen.get(gpu);
    if (known?.table === table) return known.candidate;
    const own = table[this.name];
    const names = own === undefined ? this.definition.preference(adapter.class) : [own];
    const candidate = names.map((name) => this.candidate(name)).find((each) => isAvailable(each, gpu));
    if (!candidate) {
      const needs = names.map((name) => `${name} needs ${this.candidate(name).needs}`).join(", ");
      throw new GpuError(`variants: ${this.name} cannot run on ${adapter.name}: ${needs}`);
    }
    this.#chosen.set(gpu, { table, candidate });
    return candidate;
  }

  /** @throws GpuError with the names there are, when this is none of them. */
  candidate(name: string): Candidate<Value> {
    const found = this.candidates.find((candidate) => candidate.name === name);
    if (found) return found;
    const names = this.candidates.map((candidate) => candidate.name).join(", ");
    throw new GpuError(`variants: ${this.name} has no candidate ${JSON.stringify(name)}; it has ${names}`);
  }
}

export const isAvailable = (candidate: Candidate, gpu: Gpu): boolean => candidate.isAvailable?.(gpu) ?? true;

/** Every family defined by the modules imported so far, by name. */
export function definedFamilies(): readonly KernelFamily[] {
  return [...registered.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @throws GpuError when a table names a family or a candidate that there is not, or one that the device cannot run. */
export function requireVariants(gpu: Gpu, table: VariantTable): void {
  for (const [name, candidateName] of Object.entries(table)) {
    const family = registered.get(name);
    if (!family) {
      const names = [...new Set(definedFamilies().flatMap((each) => each.definition.siblings ?? [each.name]))];
      if (names.includes(name)) continue; // no kernel of it is in this program
      throw new GpuError(`variants: there is no family ${JSON.stringify(name)}; there are ${names.join(", ")}`);
    }
    const candidate = family.candidate(candidateName);
    if (!isAvailable(candidate, gpu)) {
      throw new GpuError(
        `variants: ${name} ${candidateName} needs ${candidate.needs}, which ${gpu.adapter.name} lacks`,
      );
    }
  }
}
