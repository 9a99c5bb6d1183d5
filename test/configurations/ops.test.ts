import { describe, expect, inject, it } from "vitest";
import { useGpu } from "../support/gpu.ts";
import { makeCheck } from "../support/ops/check-values.ts";
import { everyCase, type TitledCase } from "../support/ops/op-cases.ts";
import { runOp } from "../support/ops/run-op.ts";
import { ReadBatch } from "../support/read-batch.ts";

const gpu = useGpu();
const { software, limits, withoutFeatures = [], smaller = {} } = inject("device");

it("the device is what the configuration says", () => {
  const { adapter, features, limits: actual } = gpu();
  if (software) expect(adapter.class).toBe("swiftshader");
  const size = inject("subgroupSize");
  if (size && adapter.class === "lavapipe")
    expect([adapter.subgroupMinSize, adapter.subgroupMaxSize]).toEqual([size, size]);
  for (const name of withoutFeatures) expect(features.has(name), name).toBe(false);
  if (limits === "default") expect(actual.maxStorageBufferBindingSize).toBe(2 ** 27);
  for (const [name, value] of Object.entries(smaller))
    expect(actual[name as keyof GPUSupportedLimits], name).toBe(value);
});

const elementsOf = ({ make }: TitledCase): number => make().inputs.reduce((sum, { data }) => sum + data.length, 0);

/** Two samples of every op: its first, and one of those that have most elements. */
const chosen = [...new Set(everyCase.map(({ name }) => name))].map((name) => {
  const cases = everyCase.filter((other) => other.name === name);
  const largest = cases.reduce((a, b) => (elementsOf(b) > elementsOf(a) ? b : a));
  return { name, cases: [...new Set([cases[0], largest])] };
});

describe("ops on this device", () => {
  it.each(chosen)("$name", async ({ cases }) => {
    const batch = new ReadBatch(gpu());
    const runs = cases.map(({ make }) => {
      const test = make();
      return { check: makeCheck(test), outcome: runOp(batch, test) };
    });
    await batch.read();
    for (const { check, outcome } of runs) check(outcome());
  });
});
