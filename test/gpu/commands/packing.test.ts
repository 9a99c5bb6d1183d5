import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Lifetime, packLifetimes } from "../../../src/gpu/commands/packing.ts";
import type { PooledBuffer } from "../../../src/gpu/index.ts";

const lifetime = (size: number, first: number, last: number): Lifetime => ({
  buffer: { size } as PooledBuffer,
  first,
  last,
  conflicts: new Set(),
});

const drawn = fc.array(
  fc.record({
    size: fc.integer({ min: 1, max: 40 }),
    first: fc.integer({ min: -1, max: 60 }),
    length: fc.nat(20),
    conflict: fc.nat(79),
  }),
  { maxLength: 80 },
);

/** Whether two buffers are alive at once. */
const meet = (a: Lifetime, b: Lifetime): boolean => a.first <= b.last && b.first <= a.last;

describe("packLifetimes", () => {
  it("gives each buffer bytes of its own all the while, and conflicting ones different pieces", () => {
    fc.assert(
      fc.property(drawn, (values) => {
        const all = values.map(({ size, first, length }) => lifetime(256 * size, first, first + length));
        for (const [i, { conflict }] of values.entries()) {
          const [a, b] = [all[i], all[conflict]];
          if (!b || a === b || !meet(a, b)) continue;
          a.conflicts.add(b.buffer);
          b.conflicts.add(a.buffer);
        }
        const { sizes, places } = packLifetimes(all);
        expect(places.size).toBe(all.length);
        for (const one of all) {
          const { piece, offset } = places.get(one.buffer)!;
          expect(offset % 256).toBe(0);
          expect(offset + one.buffer.size).toBeLessThanOrEqual(sizes[piece]);
          for (const other of all) {
            const place = places.get(other.buffer)!;
            if (other === one || place.piece !== piece || !meet(one, other)) continue;
            expect(one.conflicts.has(other.buffer)).toBe(false);
            const isApart = place.offset + other.buffer.size <= offset || offset + one.buffer.size <= place.offset;
            expect(isApart).toBe(true);
          }
        }
        const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
        expect(sum(sizes)).toBeLessThanOrEqual(sum(all.map(({ buffer }) => buffer.size)));
      }),
      { numRuns: 200 },
    );
  });

  it("packs a chain of equal buffers into two, and small ones side by side into the place of a large one", () => {
    const chain = Array.from({ length: 50 }, (_, i) => lifetime(512, i, i + 1));
    expect(packLifetimes(chain).sizes).toEqual([512, 512]);
    const later = [lifetime(512, 3, 5), lifetime(256, 4, 6), lifetime(256, 3, 6)];
    expect(packLifetimes([lifetime(1024, 0, 2), ...later]).sizes).toEqual([1024]);
  });

  it("begins at multiples of 256 bytes also behind a buffer of an odd size", () => {
    const [large, small] = [lifetime(600, 0, 9), lifetime(300, 0, 9)];
    const { sizes, places } = packLifetimes([lifetime(1000, 10, 12), large, small]);
    expect(sizes).toEqual([1000, 300]);
    expect(places.get(large.buffer)).toEqual({ piece: 0, offset: 0 });
  });
});
