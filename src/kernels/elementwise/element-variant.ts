import type { Gpu, Specialization } from "../../gpu/index.ts";
import { defineFamily } from "../variants/variants.ts";

/** How many vectors an invocation takes, and whether its code is repeated for each and not in a loop. */
interface Vectors {
  readonly count: number;
  readonly isWrittenOut?: boolean;
}

const ONE: Vectors = { count: 1 };
const FOUR: Vectors = { count: 4 };

/** How many elements one invocation of an elementwise kernel takes; results do not depend on it. */
export interface ElementVariant {
  /** Vectors of four, where elements lie side by side. */
  readonly vectors: Vectors;
  /** The same where an element takes many operations: written out too often, these leave no registers. */
  readonly heavyVectors: Vectors;
  /** Elements of the last axis of a strided view. */
  readonly run: number;
}

const family = defineFamily<ElementVariant>({
  name: "elementwise",
  candidates: [
    {
      name: "neighbours",
      value: { vectors: ONE, heavyVectors: ONE, run: 1 },
    },
    {
      name: "cache-lines",
      value: { vectors: FOUR, heavyVectors: FOUR, run: 16 },
    },
    {
      name: "written-out",
      value: {
        vectors: { count: 4, isWrittenOut: true },
        heavyVectors: { count: 2, isWrittenOut: true },
        run: 16,
      },
    },
  ],
});

/** Every variant `chooseElementVariant` can give. */
const elementVariants = (): ElementVariant[] => family.candidates.map(({ value }) => value);

export const chooseElementVariant = (gpu: Gpu): ElementVariant => family.choose(gpu).value;

const madeSpecs = new WeakMap<Specialization, Map<string, Specialization>>();

/** A specialisation with more declarations. Made once for each `key`, so that the kernel's variant is found by its identity. */
function extended(spec: Specialization, key: string, more: () => Specialization): Specialization {
  let ofSpec = madeSpecs.get(spec);
  if (!ofSpec) {
    ofSpec = new Map();
    madeSpecs.set(spec, ofSpec);
  }
  let made = ofSpec.get(key);
  if (!made) {
    made = Object.freeze({ ...spec, ...more() });
    ofSpec.set(key, made);
  }
  return made;
}

/** A specialisation for invocations that take `size` elements of the last axis. */
export const inRuns = (spec: Specialization, size: number): Specialization =>
  extended(spec, `RUN${size}`, () => ({ RUN: `${size}u` }));

/** Each specialisation for every length of runs. */
export const inAllRuns = (specs: readonly Specialization[]): Specialization[] =>
  [...new Set(elementVariants().map(({ run }) => run))].flatMap((size) => specs.map((spec) => inRuns(spec, size)));

/** Files of the library that test bits and do little more. */
const LIGHT = new Set(["float", "extrema", "rounding", "reciprocal"]);

/** Whether a function calls more of the library than these. */
const isHeavy = ({ include = "float" }: Specialization): boolean =>
  !String(include)
    .split(" ")
    .every((name) => LIGHT.has(name));

const withVectors = (spec: Specialization, { count, isWrittenOut = false }: Vectors): Specialization =>
  extended(spec, `VECTORS${count}${isWrittenOut}`, () => ({
    VECTORS: `${count}u`,
    ...(isWrittenOut ? { WRITTEN_OUT: "true" } : {}),
  }));

/** A specialisation for the vectors that an invocation takes on a device, and how many these are. */
export function inVectors(gpu: Gpu, spec: Specialization): { spec: Specialization; vectors: number } {
  const { vectors, heavyVectors } = chooseElementVariant(gpu);
  const own = isHeavy(spec) ? heavyVectors : vectors;
  return { spec: withVectors(spec, own), vectors: own.count };
}

/** Each specialisation for all vectors that an invocation may take. */
export const inAllVectors = (specs: readonly Specialization[]): Specialization[] =>
  specs.flatMap((spec) =>
    elementVariants().map(({ vectors, heavyVectors }) => withVectors(spec, isHeavy(spec) ? heavyVectors : vectors)),
  );
