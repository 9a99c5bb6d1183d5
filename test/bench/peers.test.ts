import { expect, it } from "vitest";

interface Reference {
  findError(row: object, inputs: Record<string, Float32Array>, outputs: Record<string, Float32Array>): string | null;
}

// The scripts beside other engines are plain JavaScript with packages of their own; these two need none of them.
const scripts = "../../bench/peers";
const { findError } = (await import(`${scripts}/reference.mjs`)) as Reference;
const { workloads, seededValues } = (await import(`${scripts}/workloads.mjs`)) as {
  workloads: { id: string }[];
  seededValues(count: number, seed: number): Float32Array;
};

const row = { kind: "matmul", pass: "forward", batch: 1, m: 7, k: 5, n: 6 };
const inputs = { a: seededValues(35, 1), b: seededValues(30, 2) };
const product = Float32Array.from({ length: 42 }, (_, position) => {
  const [i, j] = [Math.floor(position / 6), position % 6];
  return Array.from({ length: 5 }, (_, k) => inputs.a[i * 5 + k] * inputs.b[k * 6 + j]).reduce((a, b) => a + b);
});

it("an engine's right answer is right", () => {
  expect(findError(row, inputs, { y: product })).toBeNull();
});

it.each([
  ["empty", new Float32Array(0), "y: 0 elements, expected 42"],
  ["all zeros", new Float32Array(42), "expected"],
  ["not a number", new Float32Array(42).fill(Number.NaN), "is NaN, expected"],
  ["right but for its last element", product.map((value, i) => (i === 41 ? 0 : value)), "y[41] is 0, expected"],
])("an answer that is %s is wrong", (_title, y, message) => {
  expect(findError(row, inputs, { y })).toContain(message);
});

it("rows have names of their own", () => {
  const names = workloads.map(({ id }) => id);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain("matmul-128x768x50257/forward");
});
