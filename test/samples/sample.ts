import type { OpName, ops } from "../../src/autograd/index.ts";
import type { DType, Shape } from "../../src/tensor/index.ts";

/** A made-up input for the generic test of an op. */
export interface SampleInput {
  readonly shape: Shape;
  readonly dtype?: DType;
  /** Range of the values, -2 to 2 by default; integers are drawn from low to high - 1. */
  readonly low?: number;
  readonly high?: number;
}

export interface Sample<A> {
  readonly inputs: readonly SampleInput[];
  readonly attributes: A;
}

type AttributesOf<Name extends OpName> = Parameters<(typeof ops)[Name]>[1];

/** Inputs for the generic tests of some ops: every one is checked against the f64 reference of the same name. */
export type SamplesOf<Names extends OpName> = { readonly [Name in Names]: readonly Sample<AttributesOf<Name>>[] };
