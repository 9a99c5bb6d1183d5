import { expect } from "vitest";
import type { HostArray } from "../../src/tensor/index.ts";
import { dot, type GradientEstimate, magnitudeOf } from "./ops/derivatives.ts";
import type { Tolerance } from "./traits.ts";

export const largest = (x: ArrayLike<number>): number => {
  let most = 0;
  for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(x[i]));
  return most;
};

/** Fails unless every element is within `bound` of its expected value; equal infinities are, and NaN for NaN. */
export function expectClose(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: (e: number) => number,
): void {
  if (actual.length !== expected.length) expect.fail(`${what} has ${actual.length} values, not ${expected.length}`);
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i])) continue;
    const error = Math.abs(actual[i] - expected[i]);
    if (error <= bound(expected[i])) continue;
    expect.fail(
      `${what}[${i}] is ${actual[i]}, expected ${expected[i]} (error ${error}, allowed ${bound(expected[i])})`,
    );
  }
}

/** Fails unless the values are as near to the reference's as an op's tolerance wants. */
export function expectValue(actual: ArrayLike<number>, expected: Float64Array, tolerance: Tolerance): void {
  const scale = largest(expected);
  const bound = (e: number) => tolerance.value * (tolerance.relativeTo === "largest" ? scale : Math.abs(e));
  expectClose("value", actual, expected, bound);
}

/** Fails unless a gradient agrees with its estimate to `relative` of its largest element, and to `absolute`. */
export function expectGradient(
  what: string,
  actual: HostArray,
  estimate: GradientEstimate,
  relative: number,
  absolute: number,
): void {
  if (actual.length !== estimate.size) expect.fail(`${what} has ${actual.length} values, not ${estimate.size}`);
  const allowed = relative * magnitudeOf(estimate) + absolute;
  const at = (k: number) => `${what}[${estimate.positions[k]}]`;
  estimate.values.forEach((expected, k) => {
    const value = actual[estimate.positions[k]];
    if (Math.abs(value - expected) <= allowed) return;
    expect.fail(`${at(k)} is ${value}, expected ${expected} (allowed ${allowed})`);
  });
  for (const { along, value } of estimate.directions) {
    // Rounding errors of independent elements add up like a random walk.
    const together = 3 * Math.sqrt(estimate.size) * allowed;
    const got = dot(actual, along);
    if (Math.abs(got - value) <= together) continue;
    expect.fail(`${what} along a random direction is ${got}, expected ${value} (allowed ${together})`);
  }
}

/** Fails unless two arrays have the same bits. */
export function expectSameBits(what: string, actual: HostArray | undefined, expected: HostArray | undefined): void {
  if (!actual || !expected) {
    if (actual !== expected) expect.fail(`${what}: one of the two is missing`);
    return;
  }
  if (actual.length !== expected.length) expect.fail(`${what} has ${actual.length} values, not ${expected.length}`);
  const [a, b] = [actual, expected].map((x) => (x instanceof Float32Array ? new Uint32Array(x.buffer) : x));
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) expect.fail(`${what}[${i}] is ${actual[i]}, and ${expected[i]} in the other run: bits differ`);
  }
}
