import type { Gpu, Specialization } from "../gpu/index.ts";

/** How many elements one invocation of an elementwise kernel takes; results do not depend on it. */
export interface ElementVariant {
  /** Vectors of four, where elements lie side by side. */
  readonly vectors: number;
  /** Elements of the last axis of a strided view. */
  readonly run: number;
}

/** Neighbouring invocations of a GPU read neighbours. */
const NEIGHBOURS: ElementVariant = { vectors: 1, run: 1 };

/** A processor reads a cache line at a time, and finds a place among strided axes by slow divisions. */
const CACHE_LINES: ElementVariant = { vectors: 4, run: 16 };

/** Every variant `chooseElementVariant` can give. */
export const ELEMENT_VARIANTS: readonly ElementVariant[] = [NEIGHBOURS, CACHE_LINES];

export const chooseElementVariant = (gpu: Gpu): ElementVariant => (gpu.adapter.isSoftware ? CACHE_LINES : NEIGHBOURS);

const sizedSpecs = new WeakMap<Specialization, Map<string, Specialization>>();

/**
 * A specialisation for invocations that take `size` vectors or elements. Made once for each, so that the kernel's
 * variant is found by its identity.
 */
export function sized(spec: Specialization, name: "VECTORS" | "RUN", size: number): Specialization {
  let sizes = sizedSpecs.get(spec);
  if (!sizes) {
    sizes = new Map();
    sizedSpecs.set(spec, sizes);
  }
  const key = `${name}${size}`;
  let made = sizes.get(key);
  if (!made) {
    made = Object.freeze({ ...spec, [name]: `${size}u` });
    sizes.set(key, made);
  }
  return made;
}

/** Each specialisation for every size that an invocation may have. */
export const inSizes = (name: "VECTORS" | "RUN", specs: readonly Specialization[]): Specialization[] =>
  ELEMENT_VARIANTS.flatMap(({ vectors, run }) =>
    specs.map((spec) => ({ ...spec, [name]: `${name === "RUN" ? run : vectors}u` })),
  );
