import { type Specialization, specialize } from "./specialize.ts";

/** Types a field of a kernel's uniform struct may have. */
export type ParamType = "u32" | "i32" | "f32" | "vec4<u32>";
export type ParamLayout = Readonly<Record<string, ParamType>>;
/**
 * A number, or a function that gives it each time the dispatch runs: when it is recorded, and again whenever a captured
 * step is replayed. What changes from step to step (learning rate, step number, seed) is given so.
 */
export type LiveNumber = number | (() => number);
/** Values for the fields of a layout: a number each, up to four numbers for a vector, which zeros follow. */
export type ParamValues = Readonly<Record<string, LiveNumber | readonly number[]>>;

/** What a {@link LiveNumber} is now. */
export const currentValue = (value: LiveNumber): number => (typeof value === "function" ? value() : value);

export type Access = "read" | "read_write";

export interface KernelDefinition {
  /** Unique name; also used as the pipeline's label. */
  readonly name: string;
  /** The WGSL text, valid as it stands or with its parts. */
  readonly source: string;
  /** Texts that belong to the shader besides, which other kernels may have too. */
  readonly parts?: readonly string[];
  /** Texts that a specialisation may `include` besides those that all kernels share: name -> WGSL. */
  readonly library?: Readonly<Record<string, string>>;
  /** A feature of the device that the source asks for as it stands; every device can compile it when there is none. */
  readonly feature?: string;
  /** Storage bindings of group 0 in order: name -> access. */
  readonly bindings: Readonly<Record<string, Access>>;
  /** Fields of `struct Params`, bound as a uniform at group 1, binding 0. */
  readonly params: ParamLayout;
  /** Floating-point operations of one dispatch, where they are worth counting: of products and what is like them. */
  readonly flops?: (params: ParamValues, grid: readonly [number, number, number]) => number;
  /** Specialisations in use besides the default, see {@link listVariants}. */
  variants?: () => readonly Specialization[];
}

/** Largest uniform struct in bytes: one slot of the uniform slab, and the alignment WebGPU's defaults ask for. */
export const PARAM_SLOT_BYTES = 256;

interface Field {
  readonly name: string;
  readonly type: ParamType;
  /** Offset in 32-bit words. */
  readonly word: number;
  /** Place of the binding whose first element the field tells, for `xOffset` beside a binding `x`; else -1. */
  readonly binding: number;
}

const DEFAULT: Specialization = Object.freeze({});

/** What a specialisation may depend on; an object goes by its name. */
type Word = string | number | boolean | { readonly name: string };

/**
 * Specialisations that depend on a few words, each made once: a frozen one is found again by its identity, without
 * spelling out the code it stands for.
 */
/* @__NO_SIDE_EFFECTS__ */ export function specializations<Words extends readonly Word[]>(
  make: (...words: Words) => Specialization,
): (...words: Words) => Specialization {
  const made = new Map<string, Specialization>();
  return (...words) => {
    let key = "";
    for (const word of words) key += `${typeof word === "object" ? word.name : word},`;
    let spec = made.get(key);
    if (!spec) {
      spec = Object.freeze(make(...words));
      made.set(key, spec);
    }
    return spec;
  };
}

/** One shader specialised one way: what a pipeline is made from. */
export interface KernelVariant {
  readonly kernel: Kernel;
  readonly key: string;
  readonly code: string;
}

/** A shader with its uniform layout; `variant()` gives its specialisations, each made once. */
export class Kernel {
  readonly fields: readonly Field[];
  /** 32-bit words that parameters take, with what lies between them. */
  readonly paramWords: number;
  readonly bindingCount: number;
  /** Access letters of the bindings in order; kernels with equal ones share a bind group layout. */
  readonly layoutKey: string;
  readonly #variants = new Map<string, KernelVariant>();
  /** Variants of specialisations that are constant objects. */
  readonly #constants = new WeakMap<Specialization, KernelVariant>();

  constructor(readonly definition: KernelDefinition) {
    this.fields = layoutFields(definition);
    const last = this.fields.at(-1);
    this.paramWords = last ? last.word + (last.type === "vec4<u32>" ? 4 : 1) : 0;
    this.bindingCount = Object.keys(definition.bindings).length;
    this.layoutKey = Object.values(definition.bindings)
      .map((access) => (access === "read" ? "r" : "w"))
      .join("");
  }

  get name(): string {
    return this.definition.name;
  }

  /** The shader as it stands, with its parts. */
  get source(): string {
    const { source, parts = [] } = this.definition;
    return [source, ...parts].join("\n");
  }

  /** The variant of a specialisation; a frozen one is found again by its identity alone. */
  variant(spec: Specialization = DEFAULT): KernelVariant {
    const known = this.#constants.get(spec);
    if (known) return known;
    const key = Object.entries(spec)
      .map(([name, value]) => `${name}=${value}`)
      .join(";");
    let variant = this.#variants.get(key);
    if (!variant) {
      const code = specialize(this.name, this.source, spec, this.definition.library);
      variant = { kernel: this, key: `${this.name}|${key}`, code };
      this.#variants.set(key, variant);
    }
    if (Object.isFrozen(spec)) this.#constants.set(spec, variant);
    return variant;
  }

  /**
   * Writes parameter values into the uniform slab, as words starting at `base`. A field `xOffset` beside a binding `x`
   * receives the place of its first element where the binding tells it. Functions are called, or handed to `live` with
   * the word they belong to.
   */
  writeParams(
    values: ParamValues,
    bindings: readonly { readonly element?: number }[],
    words: Uint32Array,
    floats: Float32Array,
    base: number,
    live?: (isFloat: boolean, at: number, value: () => number) => void,
  ): void {
    for (const field of this.fields) {
      const { name, type } = field;
      const at = base + field.word;
      let value: ParamValues[string] | undefined = field.binding >= 0 ? bindings[field.binding].element : undefined;
      value ??= values[name];
      if (typeof value === "function") {
        if (live) {
          live(type === "f32", at, value);
          continue;
        }
        value = value();
      }
      if (typeof value === "number") {
        if (type === "f32") floats[at] = value;
        else words[at] = value;
      } else if (value === undefined) throw new Error(`kernel ${this.name}: parameter "${name}" is missing`);
      else for (let i = 0; i < 4; i++) words[at + i] = value[i] ?? 0;
    }
  }
}

/** Places fields by WGSL's alignment rules: scalars at 4 bytes, `vec4` at 16. */
function layoutFields({ name: kernel, params, bindings }: KernelDefinition): Field[] {
  let word = 0;
  const names = Object.keys(bindings);
  const fields = Object.entries(params).map(([name, type]) => {
    if (type === "vec4<u32>") word = Math.ceil(word / 4) * 4;
    const binding = name.endsWith("Offset") ? names.indexOf(name.slice(0, -"Offset".length)) : -1;
    const field = { name, type, word, binding };
    word += type === "vec4<u32>" ? 4 : 1;
    return field;
  });
  if (word * 4 > PARAM_SLOT_BYTES) throw new Error(`kernel ${kernel}: parameters exceed ${PARAM_SLOT_BYTES} bytes`);
  return fields;
}

/**
 * Two parts of a definition in one. Spreading one of them would keep bundlers from leaving out a kernel that is not used,
 * since a spread may run a getter.
 */
/* @__NO_SIDE_EFFECTS__ */ export function joined<const A extends object, const B extends object>(a: A, b: B): A & B {
  return { ...a, ...b };
}

const registered = new Map<string, Kernel>();

/** Ties a shader to its bindings and uniform struct. The list of all kernels serves the tests and warm-up. */
/* @__NO_SIDE_EFFECTS__ */ export function defineKernel(definition: KernelDefinition): Kernel {
  if (registered.has(definition.name)) throw new Error(`kernel ${definition.name} is defined twice`);
  const kernel = new Kernel(definition);
  registered.set(definition.name, kernel);
  return kernel;
}

/**
 * Lists the specialisations of a kernel that are in use besides the default: the tests compile every one of them, and the
 * build of the bundles keeps the names that they replace. Programs never ask for the list, so it stands in a call of its
 * own, which bundlers leave out.
 */
/* @__NO_SIDE_EFFECTS__ */ export function listVariants(
  { definition }: Kernel,
  variants: () => readonly Specialization[],
): void {
  definition.variants = variants;
}

/** Every kernel defined by the modules imported so far. */
export function definedKernels(): readonly Kernel[] {
  return [...registered.values()];
}

/** WebGPU's limit of workgroups along one dimension. */
const MAX_WORKGROUPS = 65_535;

/**
 * Folds a one-dimensional grid of `count` workgroups over the limit of a dimension. The shader recovers
 * its index as `group.y * groups.x + group.x` and must check it against the element count.
 */
export function linearGrid(count: number): [number, number, number] {
  if (count <= MAX_WORKGROUPS) return [Math.max(count, 0), count > 0 ? 1 : 0, count > 0 ? 1 : 0];
  const rows = Math.ceil(count / MAX_WORKGROUPS);
  return [Math.ceil(count / rows), rows, 1];
}
