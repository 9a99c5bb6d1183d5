import { beforeAll, describe, expect, it } from "vitest";
import { expectGradient, expectValue } from "../../support/compare.ts";
import { asHardware, useGpu, watchAdapter } from "../../support/gpu.ts";
import { viewsOf } from "../../support/layouts.ts";
import { estimateGradients, everyCase, type OpCase, outputType } from "../../support/op-cases.ts";
import { ReadBatch } from "../../support/read-batch.ts";
import { expectSameOutcome, type Outcome, plainly, runOp } from "../../support/run-op.ts";
import { traits } from "../../support/traits.ts";
import { watchVariants } from "../../support/used-variants.ts";

const expectDeclared = watchVariants();
const gpu = useGpu();
const hardware = useGpu({}, asHardware);
let askedForAdapter: () => boolean;
beforeAll(() => {
  askedForAdapter = watchAdapter(gpu());
});

/** The numbers of an op against those of the f64 reference. */
function makeCheck(test: OpCase): (outcome: Outcome) => void {
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

describe("ops: values and gradients, twice and on strided views", () => {
  it.each(everyCase)("$title", async ({ make }) => {
    const test = make();
    const check = makeCheck(test);
    const batch = new ReadBatch(gpu());
    askedForAdapter();
    const first = runOp(batch, test);
    const hasOtherKernels = askedForAdapter();
    const again = runOp(batch, test);
    const views = viewsOf(test.inputs, plainly(test)).map(({ what, stored, layouts }) => ({
      what,
      plain: stored ? runOp(batch, { ...test, inputs: stored }) : first,
      strided: runOp(batch, stored ? { ...test, inputs: stored } : test, layouts),
    }));
    await batch.read();

    const outcome = first();
    check(outcome);
    expectSameOutcome("the second time", again(), outcome);
    for (const { what, plain, strided } of views) expectSameOutcome(what, strided(), plain());

    if (!hasOtherKernels) return;
    const others = new ReadBatch(hardware());
    const runs = [runOp(others, test), runOp(others, test)];
    await others.read();
    check(runs[0]());
    expectSameOutcome("kernels for GPUs, the second time", runs[1](), runs[0]());
  });

  it("use no kernel variant that is not declared", expectDeclared);
});
