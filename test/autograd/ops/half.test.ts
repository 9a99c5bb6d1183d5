import { beforeAll, describe, expect, it } from "vitest";
import { expectClose, expectGradient, largest } from "../../support/compare.ts";
import { useGpu } from "../../support/gpu.ts";
import { plain } from "../../support/ops/layouts.ts";
import { estimateGradients, everyCase, inHalves, outputType } from "../../support/ops/op-cases.ts";
import { plainly, runOp } from "../../support/ops/run-op.ts";
import { watchVariants } from "../../support/ops/used-variants.ts";
import { ReadBatch } from "../../support/read-batch.ts";
import { traits } from "../../support/traits.ts";

const expectDeclared = watchVariants();
const gpu = useGpu();
let hasHalf = false;
beforeAll(() => {
  hasHalf = gpu().features.has("shader-f16");
  if (!hasHalf) console.log(`${gpu().adapter.name} lacks shader-f16: ops must refuse f16 here`);
});

const casesWithFloats = everyCase.filter(({ make }) => inHalves(make()).halfTypes.includes("f16"));

describe("ops in f16", () => {
  it.each(casesWithFloats)("$title", async ({ make }) => {
    const test = inHalves(make());
    if (!traits[test.name].half) {
      const inputs = test.inputs.map((x, i) => plain(x, test.halfTypes[i]));
      expect(() => test.op(inputs, test.attributes)).toThrow(new RegExp(`^${test.name}: expected .*f16`));
      for (const input of inputs) input.dispose();
      return;
    }
    const batch = new ReadBatch(gpu());
    const run = () => runOp(batch, test, plainly(test), test.halfTypes);
    const expected = test.reference(test.inputs).data;
    if (!hasHalf) {
      // Views need no kernel; whatever does is refused by name.
      try {
        const outcome = run();
        await batch.read();
        expectClose("value", outcome().value, expected, () => 0);
      } catch (error) {
        expect((error as Error).message).toMatch(/^[\w ]+: .*shader-f16/);
      }
      batch.dispose();
      return;
    }
    const outcome = run();
    await batch.read();
    const { value, gradients } = outcome();
    // One rounding to 11 bits at the end; a gradient passes through several halves.
    expectClose("value", value, expected, (e) => 5e-4 * Math.abs(e) + 2e-6 * largest(expected) + 1e-7);
    estimateGradients(test, outputType(test, test.halfTypes)).forEach((estimate, i) => {
      const what = `gradient of input ${i}`;
      if (estimate) expectGradient(what, gradients[i]!, estimate, 4e-3, 1e-9);
      else expect(gradients[i], what).toBeUndefined();
    });
  });

  it("use no kernel variant that is not declared", () => {
    if (hasHalf) expectDeclared();
  });
});
