import { beforeAll, describe, it } from "vitest";
import { asHardware, useGpu, watchAdapter } from "../../support/gpu.ts";
import { makeCheck } from "../../support/ops/check-values.ts";
import { viewsOf } from "../../support/ops/layouts.ts";
import { everyCase } from "../../support/ops/op-cases.ts";
import { expectSameOutcome, plainly, runOp } from "../../support/ops/run-op.ts";
import { watchVariants } from "../../support/ops/used-variants.ts";
import { ReadBatch } from "../../support/read-batch.ts";

const expectDeclared = watchVariants();
const gpu = useGpu();
const hardware = useGpu({}, asHardware);
let askedForAdapter: () => boolean;
beforeAll(() => {
  askedForAdapter = watchAdapter(gpu());
});

/** Runs of every op and its vjp, all with the same bits. */
const TIMES = 10;

describe("ops: values and gradients, ten times and on strided views", () => {
  it.each(everyCase)("$title", async ({ make }) => {
    const test = make();
    const check = makeCheck(test);
    const batch = new ReadBatch(gpu());
    askedForAdapter();
    const first = runOp(batch, test);
    const hasOtherKernels = askedForAdapter();
    const again = Array.from({ length: TIMES - 1 }, () => runOp(batch, test));
    const views = viewsOf(test.inputs, plainly(test)).map(({ what, stored, layouts }) => ({
      what,
      plain: stored ? runOp(batch, { ...test, inputs: stored }) : first,
      strided: runOp(batch, stored ? { ...test, inputs: stored } : test, layouts),
    }));
    await batch.read();

    const outcome = first();
    check(outcome);
    again.forEach((run, i) => {
      expectSameOutcome(`run ${i + 2}`, run(), outcome);
    });
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
