import { describe, expect, it } from "vitest";
import { add, backward, mul, sum } from "../../../src/autograd/index.ts";
import { type Tensor, tensor } from "../../../src/tensor/index.ts";
import { expectClose, expectGradient, largest } from "../../support/compare.ts";
import { useGpu } from "../../support/gpu.ts";
import { dot, estimateGradient, moved, type Scalar } from "../../support/ops/derivatives.ts";
import { everyCase, isDifferentiable, leavesOf, type OpCase, outputType } from "../../support/ops/op-cases.ts";
import { runOp } from "../../support/ops/run-op.ts";
import { watchVariants } from "../../support/ops/used-variants.ts";
import { type Pending, ReadBatch } from "../../support/read-batch.ts";
import { traits } from "../../support/traits.ts";
import { isFloatType, seeded } from "../../support/values.ts";

const expectDeclared = watchVariants();
const gpu = useGpu();

const differentiable = everyCase.filter(({ make }) => {
  const test = make();
  return test.op.definition.vjp && test.dtypes.some(isFloatType) && test.cotangent.length > 0;
});

interface SecondOrder {
  /** dL/dx made with createGraph, L = cotangent · y. */
  gradients: Pending[];
  /** Gradient of s = Σ v · (dL/dx) in each input: a Hessian-vector product; undefined where s does not depend on it. */
  alongInputs: (Pending | undefined)[];
  /** Gradient of s in the cotangent: dy/dx · v. */
  alongCotangent: Pending;
}

/** Differentiates the gradients of the inputs `floats` along `direction`. */
function differentiateTwice(
  batch: ReadBatch,
  test: OpCase,
  floats: readonly number[],
  direction: readonly (Float64Array | null)[],
): SecondOrder {
  const inputs = leavesOf(test);
  const directions = floats.map((i) => tensor(direction[i]!, inputs[i].shape));
  const y = test.op(inputs, test.attributes);
  const cotangent = tensor(test.cotangent, y.shape);
  cotangent.requiresGrad = true;
  const first = backward(y, { gradient: cotangent, createGraph: true });
  const gradients = floats.map((i) => batch.add(first.get(inputs[i])!));
  const terms: Tensor[] = [];
  const products = floats.map((i, k) => {
    const product = mul(first.get(inputs[i])!, directions[k]);
    terms.push(product);
    return sum(product);
  });
  let total = products[0];
  terms.push(total);
  for (const product of products.slice(1)) {
    total = add(total, product);
    terms.push(product, total);
  }
  const second = backward(total);
  const alongInputs = floats.map((i) => {
    const gradient = second.get(inputs[i]);
    return gradient && batch.add(gradient);
  });
  const alongCotangent = batch.add(second.get(cotangent)!);
  for (const x of [...terms, ...directions, first, second, cotangent, y, ...inputs]) x.dispose();
  return { gradients, alongInputs, alongCotangent };
}

describe("ops: second order", () => {
  it.each(differentiable)("$title", async ({ make }) => {
    const test = make();
    if (!isDifferentiable(test, outputType(test))) return;
    const { tolerance } = traits[test.name];
    const batch = new ReadBatch(gpu());
    const floats = test.inputs.map((_, i) => i).filter((i) => isFloatType(test.dtypes[i]));
    const random = seeded(7);
    const direction = test.inputs.map((x, i) =>
      floats.includes(i) ? x.data.map(() => Math.fround(2 * random() - 1)) : null,
    );
    const fused = runOp(batch, test);
    const before = gpu().statistics.liveBuffers - batch.buffers;
    const results = differentiateTwice(batch, test, floats, direction);
    expect(gpu().statistics.liveBuffers - batch.buffers - before, "buffers left over").toBe(0);
    await batch.read();

    // The gradient made to be differentiated again equals the fused one.
    floats.forEach((i, k) => {
      const expected = fused().gradients[i]!;
      const allowed = 2 * tolerance.gradient * largest(expected) + 1e-9;
      expectClose(`gradient of input ${i} with createGraph`, results.gradients[k](), expected, () => allowed);
    });

    const step = 1e-5;
    const above = test.reference(moved(test.inputs, direction, step)).data;
    const below = test.reference(moved(test.inputs, direction, -step)).data;
    const tangent = above.map((value, i) => (value - below[i]) / (2 * step));
    const allowed = 4 * tolerance.gradient * largest(tangent) + 1e-8;
    expectClose("derivative along the cotangent", results.alongCotangent(), tangent, () => allowed);

    const coarse = 2e-4;
    const alongDirection: Scalar = (values) => {
      const loss = (sign: number): number =>
        dot(test.cotangent, test.reference(moved(values, direction, sign * coarse)).data);
      return (loss(1) - loss(-1)) / (2 * coarse);
    };
    floats.forEach((i, k) => {
      const estimate = estimateGradient(alongDirection, test.inputs, i, coarse);
      // Second differences are good to about 1e-6; an input the gradient does not depend on gets none.
      const actual = results.alongInputs[k]?.() ?? new Float32Array(estimate.size);
      expectGradient(`Hessian-vector product for input ${i}`, actual, estimate, 1e-4, 2e-5);
    });
  });

  it("uses no kernel variant that is not declared", expectDeclared);
});
