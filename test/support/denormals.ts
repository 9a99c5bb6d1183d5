import { mul } from "../../src/autograd/index.ts";
import type { Gpu } from "../../src/gpu/index.ts";
import { tensor, tidy } from "../../src/tensor/index.ts";

/** Whether a float is other than 0, and too small for a full significand. */
export const isDenormal = (x: number): boolean => x !== 0 && Math.abs(x) < 2 ** -126;

/** Whether an adapter takes denormal numbers for 0 where it calculates, as WGSL lets it; SwiftShader does. */
export async function flushesDenormals(gpu: Gpu): Promise<boolean> {
  const y = tidy(() => mul(tensor([1e-40], [1], { gpu }), 1));
  const [value] = await y.data();
  y.dispose();
  return value === 0;
}
