import { Gpu } from "../gpu/index.ts";
import { assertShape, type CreateOptions, type Shape, type Tensor } from "../tensor/index.ts";
import { full as fill } from "./copy.ts";
import { unary } from "./elementwise.ts";
import { randomNormal, randomUniform } from "./random.ts";

/** A tensor with every element equal to `value`. */
export function full(shape: Shape, value: number, { dtype = "f32", gpu = Gpu.default }: CreateOptions = {}): Tensor {
  assertShape("full", shape);
  return fill(gpu, shape, value, dtype);
}

export const zeros = (shape: Shape, options: CreateOptions = {}): Tensor => full(shape, 0, options);
export const ones = (shape: Shape, options: CreateOptions = {}): Tensor => full(shape, 1, options);

export interface RandomOptions extends Pick<CreateOptions, "gpu"> {
  /** Non-negative safe integer. The numbers depend on the seed and the position alone, on every adapter. */
  seed: number;
}

/** Uniform numbers in [low, high), with 24 bits of resolution. */
export function uniform(
  shape: Shape,
  { seed, low = 0, high = 1, gpu = Gpu.default }: RandomOptions & { low?: number; high?: number },
): Tensor {
  assertShape("uniform", shape);
  return shifted(randomUniform(gpu, shape, seed, high - low), low);
}

/** Normal numbers with a mean and a standard deviation. */
export function normal(
  shape: Shape,
  { seed, mean = 0, deviation = 1, gpu = Gpu.default }: RandomOptions & { mean?: number; deviation?: number },
): Tensor {
  assertShape("normal", shape);
  return shifted(randomNormal(gpu, shape, seed, deviation), mean);
}

/** Added in a dispatch of its own: in one expression a GPU may fuse product and sum, and round differently. */
function shifted(x: Tensor, shift: number): Tensor {
  if (shift === 0) return x;
  const y = unary("affine", x, "affine", 1, shift);
  x.dispose();
  return y;
}
