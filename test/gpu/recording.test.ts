import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PooledBuffer } from "../../src/gpu/index.ts";
import { type Lifetime, packLifetimes } from "../../src/gpu/recording.ts";

const lifetimes = fc.array(
  fc.record({ size: fc.integer({ min: 1, max: 40 }), first: fc.integer({ min: -1, max: 60 }), length: fc.nat(20) }),
  { maxLength: 80 },
);

describe("packLifetimes", () => {
  it("gives each buffer a piece that is large enough and its own all the while, in no more than all take together", () => {
    fc.assert(
      fc.property(lifetimes, (drawn) => {
        const all: Lifetime[] = drawn.map(({ size, first, length }) => ({
          buffer: { size: 256 * size } as PooledBuffer,
          first,
          last: first + length,
        }));
        const { sizes, places } = packLifetimes(all);
        expect(places.size).toBe(all.length);
        for (const one of all) {
          const place = places.get(one.buffer)!;
          expect(sizes[place]).toBeGreaterThanOrEqual(one.buffer.size);
          for (const other of all) {
            if (other === one || places.get(other.buffer) !== place) continue;
            expect(other.last < one.first || one.last < other.first).toBe(true);
          }
        }
        const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
        expect(sum(sizes)).toBeLessThanOrEqual(sum(all.map(({ buffer }) => buffer.size)));
      }),
      { numRuns: 200 },
    );
  });

  it("packs a chain of equal buffers into two", () => {
    const chain = Array.from({ length: 50 }, (_, i) => ({
      buffer: { size: 512 } as PooledBuffer,
      first: i,
      last: i + 1,
    }));
    expect(packLifetimes(chain).sizes).toEqual([512, 512]);
  });
});
