import { describe, expect, inject, it, vi } from "vitest";
import { type OpName, ops } from "../../../src/autograd/index.ts";
import { expectSameBits } from "../../support/compare.ts";
import { useGpu } from "../../support/gpu.ts";
import { largeCases, runLarge, spread, titleOf } from "../../support/ops/large-cases.ts";
import { ReadBatch } from "../../support/read-batch.ts";

/** Workgroups along one dimension before a grid is folded; 65,535 in earnest. */
const fold = vi.hoisted(() => ({ most: 65_535, count: 0 }));

vi.mock("../../../src/gpu/kernel/kernel.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("../../../src/gpu/kernel/kernel.ts")>();
  const linearGrid = (count: number): [number, number, number] => {
    if (count <= fold.most) return original.linearGrid(count);
    fold.count++;
    const rows = Math.ceil(count / fold.most);
    return [Math.ceil(count / rows), rows, 1];
  };
  return { ...original, linearGrid };
});

const gpu = useGpu();

/** Enough for some tens of workgroups, of which the last row is not full. */
const ELEMENTS = 3000;
const MOST_CASES = inject("thorough") ? Number.POSITIVE_INFINITY : 9;

/** Ops that only make views. */
const NEVER_FOLDED: ReadonlySet<OpName> = new Set(["reshape", "permute"]);

describe("ops on grids that are folded, as those over 65,535 workgroups are", () => {
  it.each(Object.keys(ops) as OpName[])("%s", async (name) => {
    fold.count = 0;
    for (const test of spread(largeCases(gpu(), name, ELEMENTS), MOST_CASES)) {
      const batch = new ReadBatch(gpu());
      fold.most = 65_535;
      const flat = runLarge(batch, test);
      fold.most = 2;
      const folded = runLarge(batch, test);
      fold.most = 65_535;
      await batch.read();
      if (flat instanceof Error || folded instanceof Error) throw flat;
      expect(folded.length).toBe(flat.length);
      folded.forEach((pending, i) => {
        expectSameBits(`${titleOf(test)}, ${i === 0 ? "value" : `gradient ${i - 1}`}`, pending(), flat[i]());
      });
    }
    expect(fold.count > 0, "whether a grid was folded").toBe(!NEVER_FOLDED.has(name));
  });
});
