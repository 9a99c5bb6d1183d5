import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  assertShape,
  broadcastShapes,
  contiguousStrides,
  normalizeAxis,
  shapesEqual,
  sizeOf,
} from "../../src/tensor/index.ts";
import { reshapeStrides } from "../../src/tensor/shape.ts";
import { forEachIndex } from "../reference/nd-array.ts";

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });

describe("broadcastShapes", () => {
  it.each([
    [[], [], []],
    [[], [3, 4], [3, 4]],
    [
      [2, 1, 4],
      [3, 1],
      [2, 3, 4],
    ],
    [[0], [1], [0]],
    [
      [1, 5],
      [2, 1],
      [2, 5],
    ],
  ])("of %j and %j is %j", (a, b, expected) => {
    expect(broadcastShapes("add", a, b)).toEqual(expected);
    expect(broadcastShapes("add", b, a)).toEqual(expected);
  });

  it("is the element-wise larger length whenever lengths agree or one is 1, and throws otherwise", () => {
    fc.assert(
      fc.property(shapes, shapes, (a, b) => {
        const rank = Math.max(a.length, b.length);
        const pad = (shape: number[]) => [...Array(rank - shape.length).fill(1), ...shape];
        const [left, right] = [pad(a), pad(b)];
        if (left.every((n, i) => n === right[i] || n === 1 || right[i] === 1)) {
          expect(broadcastShapes("add", a, b)).toEqual(left.map((n, i) => Math.max(n, right[i])));
        } else {
          expect(() => broadcastShapes("add", a, b)).toThrow(
            `add: shapes [${a.join(", ")}] and [${b.join(", ")}] do not broadcast`,
          );
        }
      }),
    );
  });
});

describe("shapes", () => {
  it("have sizes and row-major strides", () => {
    expect(sizeOf([])).toBe(1);
    expect(sizeOf([3, 0, 2])).toBe(0);
    expect(contiguousStrides([2, 3, 4])).toEqual([12, 4, 1]);
    expect(shapesEqual([2, 3], [2, 3])).toBe(true);
    expect(shapesEqual([2, 3], [2, 3, 1])).toBe(false);
  });

  it("are refused with lengths that are no counts", () => {
    for (const length of [-1, 1.5, Number.NaN, 2 ** 53]) {
      expect(() => assertShape("full", [2, length])).toThrow(
        `full: shape [2, ${length}] has a length that is not a non-negative integer`,
      );
    }
  });

  it("count axes from either end", () => {
    expect(normalizeAxis("sum", -1, 3)).toBe(2);
    expect(normalizeAxis("sum", 0, 3)).toBe(0);
    for (const axis of [3, -4, 0.5]) {
      expect(() => normalizeAxis("sum", axis, 3)).toThrow(`sum: axis ${axis} is out of range for rank 3`);
    }
    expect(() => normalizeAxis("sum", 0, 0)).toThrow("sum: axis 0 is out of range for rank 0");
  });
});

describe("reshapeStrides", () => {
  /** Where each element of a view lies, in row-major order. */
  const places = (shape: readonly number[], strides: readonly number[]): number[] => {
    const result: number[] = [];
    forEachIndex(shape, (index) => result.push(index.reduce((sum, i, axis) => sum + i * strides[axis], 0)));
    return result;
  };

  /** Strides by which the places can be walked in a shape, found by trial; null when there are none. */
  function walkable(order: number[], shape: readonly number[]): number[] | null {
    const steps = contiguousStrides(shape);
    const strides = shape.map((length, axis) => (length === 1 ? 0 : order[steps[axis]] - order[0]));
    return places(shape, strides).every((place, i) => place + order[0] === order[i]) ? strides : null;
  }

  it("finds strides exactly when there are any", () => {
    const views = fc.record({
      lengths: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
      order: fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
      expanded: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      gap: fc.integer({ min: 0, max: 1 }),
      cuts: fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
    });
    fc.assert(
      fc.property(views, ({ lengths, order, expanded, gap, cuts }) => {
        // A view: larger storage, axes in some order, some with stride 0.
        const storage = contiguousStrides(lengths.map((n) => n + gap));
        const axes = lengths.map((_, i) => i).sort((a, b) => order[a] - order[b]);
        const shape = axes.map((axis) => lengths[axis]);
        const strides = axes.map((axis) => (expanded[axis] ? 0 : storage[axis]));
        // A target of the same size: prime factors dealt out at random.
        const target = [1, 1, 1];
        let rest = sizeOf(shape);
        for (let i = 0; rest > 1; i++) {
          const factor = rest % 2 === 0 ? 2 : 3;
          target[cuts[i % cuts.length] % 3] *= factor;
          rest /= factor;
        }
        const found = reshapeStrides(shape, strides, target);
        const possible = walkable(places(shape, strides), target);
        expect(found === null).toBe(possible === null);
        if (found) expect(places(target, found)).toEqual(places(shape, strides));
      }),
      { numRuns: 2000 },
    );
  });

  it("knows the usual cases", () => {
    expect(reshapeStrides([4, 6], [6, 1], [2, 2, 3, 2])).toEqual([12, 6, 2, 1]);
    expect(reshapeStrides([6, 4], [1, 6], [24])).toBeNull(); // transposed
    expect(reshapeStrides([3, 4], [8, 1], [12])).toBeNull(); // columns of a wider matrix
    expect(reshapeStrides([3, 4], [1, 0], [3, 2, 2])).toEqual([1, 0, 0]); // expanded
    expect(reshapeStrides([0, 4], [4, 1], [2, 0])).toEqual([0, 1]);
  });
});
