import { expect } from "vitest";
import { expectGradient, expectValue } from "../compare.ts";
import { traits } from "../traits.ts";
import { estimateGradients, type OpCase, outputType } from "./op-cases.ts";
import type { Outcome } from "./run-op.ts";

/** A check of an op's numbers against those of the f64 reference. */
export function makeCheck(test: OpCase): (outcome: Outcome) => void {
  const { tolerance } = traits[test.name];
  const expected = test.reference(test.inputs);
  const estimates = estimateGradients(test, outputType(test));
  return ({ value, gradients }) => {
    expectValue(value, expected.data, tolerance);
    estimates.forEach((estimate, i) => {
      const what = `gradient of input ${i}`;
      if (estimate) expectGradient(what, gradients[i]!, estimate, tolerance.gradient, 1e-9);
      else expect(gradients[i], what).toBeUndefined();
    });
  };
}
