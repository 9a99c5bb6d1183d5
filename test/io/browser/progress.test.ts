import fc from "fast-check";
import { expect, it } from "vitest";
import { type ByteProgress, Coverage, ProgressMeter } from "../../../src/io/remote/progress.ts";

it("counts each byte of a file once, whatever ranges arrive", () => {
  const range = fc.tuple(fc.nat(60), fc.nat(20));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), (ranges) => {
      const coverage = new Coverage();
      const seen = new Set<number>();
      for (const [start, length] of ranges) {
        const before = seen.size;
        for (let byte = start; byte < start + length; byte++) seen.add(byte);
        expect(coverage.add(start, start + length)).toBe(seen.size - before);
      }
    }),
  );
});

it("adds up files that come and go, and reaches its total", () => {
  const seen: ByteProgress[] = [];
  const meter = new ProgressMeter((one) => seen.push(one));
  const [a, b, unknown] = [meter.begin("a", 10), meter.begin("b", 5), meter.begin("c", 0)];
  a.add(4);
  unknown.add(3);
  b.end();
  b.end();
  a.add(6);
  a.end();
  expect(seen).toEqual([
    { file: "a", loaded: 4, total: 15 },
    { file: "c", loaded: 7, total: 18 },
    { file: "b", loaded: 7, total: 13 },
    { file: "a", loaded: 13, total: 13 },
  ]);
});
