import type { Gpu, Specialization } from "../gpu/index.ts";
import { defineFamily } from "./variants.ts";

/** How many elements one invocation of an elementwise kernel takes; results do not depend on it. */
export interface ElementVariant {
  /** Vectors of four, where elements lie side by side. */
  readonly vectors: number;
  /** Elements of the last axis of a strided view. */
  readonly run: number;
}

const family = defineFamily<ElementVariant>({
  name: "elementwise",
  description: "functions of elements, and copies",
  candidates: [
    {
      name: "neighbours",
      description: "An invocation takes four neighbours or one element of a strided view, and the next one the next.",
      value: { vectors: 1, run: 1 },
    },
    {
      name: "cache-lines",
      description: "An invocation takes a cache line, or a run of an axis, whose place slow divisions find once.",
      value: { vectors: 4, run: 16 },
    },
    {
      name: "pairs",
      description: "An invocation takes a run of an axis of a strided view, and elsewhere two vectors, written out.",
      value: { vectors: 2, run: 16 },
    },
  ],
});

/** Every variant `chooseElementVariant` can give. */
export const ELEMENT_VARIANTS: readonly ElementVariant[] = family.candidates.map(({ value }) => value);

export const chooseElementVariant = (gpu: Gpu): ElementVariant => family.choose(gpu).value;

const sizedSpecs = new WeakMap<Specialization, Map<number, Specialization>>();

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
  const key = name === "RUN" ? -size : size;
  let made = sizes.get(key);
  if (!made) {
    made = Object.freeze({ ...spec, [name]: `${size}u` });
    sizes.set(key, made);
  }
  return made;
}

/** Each specialisation for every size that an invocation may have. */
export function inSizes(name: "VECTORS" | "RUN", specs: readonly Specialization[]): Specialization[] {
  const sizes = new Set(ELEMENT_VARIANTS.map(({ vectors, run }) => (name === "RUN" ? run : vectors)));
  return [...sizes].flatMap((size) => specs.map((spec) => sized(spec, name, size)));
}
