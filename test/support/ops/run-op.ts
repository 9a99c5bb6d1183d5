import { expect } from "vitest";
import { backward } from "../../../src/autograd/index.ts";
import { type DType, type HostArray, tensor } from "../../../src/tensor/index.ts";
import { expectSameBits } from "../compare.ts";
import type { Pending, ReadBatch } from "../read-batch.ts";
import { isFloatType } from "../values.ts";
import { type Layout, plain } from "./layouts.ts";
import type { OpCase } from "./op-cases.ts";

export interface Outcome {
  value: HostArray;
  /** Of each input; undefined where none arrives. */
  gradients: (HostArray | undefined)[];
}

/** The inputs as they lie in memory when nothing is said of it. */
export const plainly = (test: OpCase): Layout[] => test.inputs.map(() => plain);

/**
 * Runs an op and its vjp once, on the batch's device; the outcome can be asked for when the batch was read. Checks
 * what must hold whatever the numbers are: the spec inferred beforehand is the real one, inputs stay as they were, and
 * nothing stays allocated.
 */
export function runOp(
  batch: ReadBatch,
  test: OpCase,
  layouts: readonly Layout[] = plainly(test),
  dtypes: readonly DType[] = test.dtypes,
): () => Outcome {
  const { gpu } = batch;
  const held = () => gpu.statistics.liveBuffers - batch.buffers;
  gpu.use();
  const before = held();
  const owned: { dispose(): void }[] = [];
  try {
    const inputs = test.inputs.map((x, i) => layouts[i](x, dtypes[i]));
    owned.push(...inputs);
    for (const input of inputs) input.requiresGrad = isFloatType(input.dtype);
    const spec = test.op.definition.infer(inputs, test.attributes);
    const y = test.op(inputs, test.attributes);
    owned.push(y);
    expect({ shape: y.shape, dtype: y.dtype }).toEqual({ shape: spec.shape, dtype: spec.dtype });
    const value = batch.add(y);
    let gradients: (Pending | undefined)[] = inputs.map(() => undefined);
    if (y.node) {
      const cotangent = tensor(test.cotangent, y.shape, { dtype: y.dtype });
      owned.push(cotangent);
      const grads = backward(y, { gradient: cotangent });
      owned.push(grads);
      gradients = inputs.map((input) => {
        const gradient = grads.get(input);
        if (gradient) expect([gradient.shape, gradient.dtype]).toEqual([input.shape, input.dtype]);
        return gradient && batch.add(gradient);
      });
    }
    const after = inputs.map((input) => batch.add(input));
    return () => {
      after.forEach((values, i) => {
        expectUnchanged(i, values(), test.inputs[i].data);
      });
      return { value: value(), gradients: gradients.map((pending) => pending?.()) };
    };
  } finally {
    for (const x of owned) x.dispose();
    expect(held() - before, "buffers left over").toBe(0);
  }
}

/** Inputs are exact in their types, so that they are read back as they were given. */
function expectUnchanged(index: number, actual: HostArray, given: Float64Array): void {
  for (let i = 0; i < given.length; i++) {
    if (actual[i] !== given[i] && !(Number.isNaN(actual[i]) && Number.isNaN(given[i]))) {
      expect.fail(`an op changed its input ${index} at [${i}] from ${given[i]} to ${actual[i]}`);
    }
  }
  expect(actual.length).toBe(given.length);
}

export function expectSameOutcome(what: string, actual: Outcome, expected: Outcome): void {
  expectSameBits(`${what}: value`, actual.value, expected.value);
  expected.gradients.forEach((gradient, i) => {
    expectSameBits(`${what}: gradient of input ${i}`, actual.gradients[i], gradient);
  });
}
