import type { HostArray } from "../../../src/tensor/index.ts";
import { numberOf, type VectorCase, type WrittenTensor } from "./cases.ts";
import { isFloatName, roundTo } from "./values.ts";

/** How far a float result may be off: |a − e| ≤ absolute · max |e| + relative · |e| + floor. */
interface Allowance {
  absolute: number;
  relative: number;
  floor: number;
}

const FLOAT32: Allowance = { absolute: 1e-5, relative: 1e-4, floor: 0 };
/** Halves have 11 bits; sums that were rounded to halves on the way lose some more. */
const FLOAT16: Allowance = { absolute: 2e-3, relative: 4e-3, floor: 0 };

/** WGSL gives no accuracy for these outside of [−π, π]. */
const LOOSE_ANGLES = /^(sin|cos|tan)$/i;
/** Near-cancelling variances, powers, and logarithms near 1. */
const LOOSE = /batchNorm|instanceNorm|layerNorm|^pow$|reduceLogSum|meanVariance/i;

function allowanceOf(test: VectorCase, dtype: string): Allowance {
  const base = dtype === "float16" ? FLOAT16 : FLOAT32;
  const ops = test.nodes.map(({ op }) => op);
  const relative = ops.some((op) => LOOSE.test(op)) ? Math.max(base.relative, 1e-3) : base.relative;
  const { metric, value, atol } = test.tol ?? { metric: "unknown", value: null };
  const stated: Allowance = {
    absolute: 0,
    relative: metric === "rtol" ? (value ?? 0) : 0,
    floor: metric === "atol" ? (value ?? 0) : (atol ?? 0),
  };
  return {
    absolute: base.absolute,
    relative: Math.max(relative, stated.relative),
    floor: Math.max(stated.floor, ops.some((op) => LOOSE_ANGLES.test(op)) ? 1e-3 : 0),
  };
}

/** What is wrong with a result, or null. Exact for integers, booleans, and ops that only move data. */
export function compareResult(
  test: VectorCase,
  expected: WrittenTensor,
  actual: { shape: readonly number[]; values: HostArray },
  isExact: boolean,
): string | null {
  if (`${actual.shape}` !== `${expected.shape}`) {
    return `shape is [${actual.shape}], expected [${expected.shape}]`;
  }
  const { dtype } = expected;
  const wanted = expected.data.map(numberOf).map((value) => (isFloatName(dtype) ? Math.fround(value) : value));
  const finite = wanted.filter(Number.isFinite);
  const scale = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const { absolute, relative, floor } = allowanceOf(test, dtype);
  for (let i = 0; i < wanted.length; i++) {
    const [a, e] = [roundTo(dtype, Number(actual.values[i])), wanted[i]];
    if (a === e || (Number.isNaN(a) && Number.isNaN(e))) continue;
    const allowed = isExact || !isFloatName(dtype) ? 0 : absolute * scale + relative * Math.abs(e) + floor;
    if (Number.isFinite(e) && Math.abs(a - e) <= allowed) continue;
    return `[${i}] is ${a}, expected ${e} (allowed ${allowed})`;
  }
  return null;
}
