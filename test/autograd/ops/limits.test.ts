import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type OpName, ops } from "../../../src/autograd/index.ts";
import { type Gpu, MemoryLimitError } from "../../../src/gpu/index.ts";
import type { HostArray } from "../../../src/tensor/index.ts";
import { expectClose, largest } from "../../support/compare.ts";
import { openWith, useGpu } from "../../support/gpu.ts";
import { largeCases, runLarge, spread, titleOf } from "../../support/ops/large-cases.ts";
import { ReadBatch } from "../../support/read-batch.ts";

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

/** Sums are grouped by what is bound at a time, so that last bits may differ; nothing more. */
function expectNear(what: string, actual: HostArray, expected: HostArray): void {
  const allowed = 4e-6 * largest(expected);
  expectClose(what, actual, expected, () => allowed);
}

const counts = { same: 0, near: 0, refused: new Map<string, number>() };

describe("ops on tensors larger than a binding", () => {
  it.each(Object.keys(ops) as OpName[])("%s", async (name) => {
    const cases = spread(largeCases(whole(), name, LIMIT / 4), MOST);
    expect(cases.length, "enlarged samples").toBeGreaterThan(0);
    for (const test of cases) {
      const [wholeBatch, splitBatch] = [new ReadBatch(whole()), new ReadBatch(split)];
      const expected = runLarge(wholeBatch, test);
      const actual = runLarge(splitBatch, test);
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
          expectNear(`${titleOf(test)}, ${i === 0 ? "value" : `gradient ${i - 1}`}`, got, wanted);
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
