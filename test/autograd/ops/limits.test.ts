import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { backward, type OpName, ops, type SampleInput } from "../../../src/autograd/index.ts";
import { type Gpu, MemoryLimitError } from "../../../src/gpu/index.ts";
import { empty, type HostArray, type Tensor, tensor } from "../../../src/tensor/index.ts";
import { expectClose, largest } from "../../support/compare.ts";
import { openWith, useGpu } from "../../support/gpu.ts";
import { enlarged } from "../../support/large-samples.ts";
import type { AnyOp } from "../../support/op-cases.ts";
import { type Pending, ReadBatch } from "../../support/read-batch.ts";
import { drawInput, isFloatType, seeded } from "../../support/values.ts";

/** What may be bound at a time, so that tensors of 70 KB are split as those over 128 MiB are in earnest. */
const LIMIT = 64 * 1024;

/** Enlarged samples of an op in a plain run; a thorough one takes all. */
const MOST = inject("thorough") ? Number.POSITIVE_INFINITY : 3;

const whole = useGpu();
let split: Gpu;
beforeAll(async () => {
  const { smaller, ...setting } = inject("device") ?? {};
  split = await openWith({ ...setting, smaller: { ...smaller, maxStorageBufferBindingSize: LIMIT } });
});
afterAll(() => split.close());

interface LargeCase {
  op: AnyOp;
  attributes: unknown;
  inputs: readonly SampleInput[];
}

/** Of ops whose attributes say the shape, so that no sample can be enlarged alone. */
const WITH_SHAPES: Partial<Record<OpName, Omit<LargeCase, "op">[]>> = {
  expand: [{ inputs: [{ shape: [130, 1, 3] }], attributes: { shape: [130, 65, 3] } }],
  padGradient: [
    {
      inputs: [{ shape: [130, 145] }],
      attributes: {
        shape: [130, 140],
        widths: [
          [0, 0],
          [2, 3],
        ],
        mode: "reflect",
      },
    },
  ],
  embedDiagonal: [
    { inputs: [{ shape: [30, 25] }], attributes: { offset: 0, axis1: 1, axis2: 2, shape: [30, 25, 25] } },
  ],
  padAxis: [{ inputs: [{ shape: [130, 3] }], attributes: { axis: 1, begin: 2, shape: [130, 140] } }],
};

/** Every way that an op's samples are made larger than a binding. Asks `infer`, which runs nothing. */
function largeCases(name: OpName): LargeCase[] {
  const op = ops[name] as unknown as AnyOp;
  const own = (WITH_SHAPES[name] ?? []).map((sample) => ({ op, ...sample }));
  const grown = op.definition.samples().flatMap((sample) => {
    const accepts = (inputs: readonly SampleInput[]): boolean => {
      const tensors = inputs.map(({ shape, dtype = "f32" }) => empty(whole(), shape, dtype));
      try {
        op.definition.infer(tensors, sample.attributes);
        return true;
      } catch {
        return false;
      } finally {
        for (const x of tensors) x.dispose();
      }
    };
    return enlarged(sample, LIMIT / 4, accepts).map((inputs) => ({ op, attributes: sample.attributes, inputs }));
  });
  return [...own, ...grown].slice(0, MOST);
}

/** The output and the gradients; what is refused is an error, and must be so before anything is recorded. */
function run(batch: ReadBatch, name: OpName, { op, attributes, inputs }: LargeCase): Pending[] | MemoryLimitError {
  const { gpu } = batch;
  gpu.use();
  const held = gpu.statistics.liveBuffers - batch.buffers;
  const random = seeded(11);
  const owned: { dispose(): void }[] = [];
  const leaves = inputs.map((input) => {
    const { data, shape } = drawInput(input, random);
    const leaf = tensor(data, shape, { dtype: input.dtype ?? "f32" });
    leaf.requiresGrad = isFloatType(leaf.dtype);
    owned.push(leaf);
    return leaf;
  });
  const before = gpu.statistics.dispatches;
  try {
    let y: Tensor;
    try {
      y = op(leaves, attributes);
    } catch (error) {
      expect(error).toBeInstanceOf(MemoryLimitError);
      expect((error as Error).message).toMatch(new RegExp(`^${name}: `));
      expect(gpu.statistics.dispatches - before, `${name}: dispatches before it was refused`).toBe(0);
      return error as MemoryLimitError;
    }
    owned.push(y);
    const results = [batch.add(y)];
    if (!y.node) return results;
    const cotangent = tensor(
      Float32Array.from({ length: y.size }, () => Math.fround(2 * random() - 1)),
      y.shape,
    );
    owned.push(cotangent);
    try {
      const gradients = backward(y, { gradient: cotangent });
      owned.push(gradients);
      results.push(...leaves.flatMap((leaf) => gradients.get(leaf) ?? []).map((gradient) => batch.add(gradient)));
    } catch (error) {
      // Its gradient is another op, which may need a tensor whole that this one does not.
      expect(error).toBeInstanceOf(MemoryLimitError);
    }
    return results;
  } finally {
    for (const x of owned) x.dispose();
    expect(gpu.statistics.liveBuffers - batch.buffers - held, "buffers left over").toBe(0);
  }
}

/** Sums are grouped by what is bound at a time, so that last bits may differ; nothing more. */
function expectNear(what: string, actual: HostArray, expected: HostArray): void {
  const allowed = 4e-6 * largest(expected);
  expectClose(what, actual, expected, () => allowed);
}

const counts = { same: 0, near: 0, refused: new Map<string, number>() };

describe("ops on tensors larger than a binding", () => {
  it.each(Object.keys(ops) as OpName[])("%s", async (name) => {
    const cases = largeCases(name);
    expect(cases.length, "enlarged samples").toBeGreaterThan(0);
    for (const test of cases) {
      const title = `${name} ${test.inputs.map(({ shape }) => `[${shape}]`).join(" ")} ${JSON.stringify(test.attributes)}`;
      const [wholeBatch, splitBatch] = [new ReadBatch(whole()), new ReadBatch(split)];
      const expected = run(wholeBatch, name, test);
      const actual = run(splitBatch, name, test);
      await Promise.all([wholeBatch.read(), splitBatch.read()]);
      if (actual instanceof MemoryLimitError) {
        counts.refused.set(name, (counts.refused.get(name) ?? 0) + 1);
        continue;
      }
      if (expected instanceof MemoryLimitError) throw expected;
      actual.forEach((pending, i) => {
        const [got, wanted] = [pending(), expected[i]()];
        const isSame = got.every((value, k) => Object.is(value, wanted[k]));
        if (isSame) counts.same++;
        else {
          expectNear(`${title}, ${i === 0 ? "value" : `gradient ${i - 1}`}`, got, wanted);
          counts.near++;
        }
      });
    }
  });

  afterAll(() => {
    const refused = [...counts.refused].map(([name, count]) => `${name} ${count}`).join(", ");
    console.log(
      `Split: ${counts.same} tensors with the same bits, ${counts.near} within 4e-6. Refused by name: ${refused}`,
    );
  });
});
