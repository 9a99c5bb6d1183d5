import { Gpu, type LiveNumber } from "../gpu/index.ts";
import {
  assertDType,
  assertShape,
  type CreateOptions,
  describeValue,
  requireTensors,
  type Shape,
  Tensor,
  tidy,
} from "../tensor/index.ts";
import { full as fill } from "./copy.ts";
import * as BINARY from "./elementwise/binary-functions.ts";
import { binary, castTo, unary } from "./elementwise/elementwise.ts";
import * as UNARY from "./elementwise/unary-functions.ts";
import { requireFloat32 } from "./launch.ts";
import { randomCategorical, randomNormal, randomPermutation, randomUniform } from "./random/random.ts";
import { requireSeed } from "./random/threefry.ts";

/** A tensor with every element equal to `value`. */
export const full = (shape: Shape, value: number, options: CreateOptions = {}): Tensor =>
  filled("full", shape, value, options);
/** A tensor of zeros. @throws when the shape or the type is none. */
export const zeros = (shape: Shape, options: CreateOptions = {}): Tensor => filled("zeros", shape, 0, options);
/** A tensor of ones. @throws when the shape or the type is none. */
export const ones = (shape: Shape, options: CreateOptions = {}): Tensor => filled("ones", shape, 1, options);

function filled(op: string, shape: Shape, value: number, { dtype = "f32", gpu = Gpu.default }: CreateOptions): Tensor {
  assertShape(op, shape);
  assertDType(op, dtype);
  if (typeof value !== "number") throw new Error(`${op}: expected a number, got ${describeValue(value)}`);
  return fill(gpu, shape, value, dtype);
}

/** What random numbers are drawn from, and where they are made. */
export interface RandomOptions extends Pick<CreateOptions, "gpu"> {
  /**
   * Non-negative safe integer. The numbers depend on the seed and the position alone, on every adapter. In a captured step
   * a function, for other numbers at each replay.
   */
  seed: LiveNumber;
}

function liveSeed(op: string, seed: LiveNumber): LiveNumber {
  requireSeed(op, seed);
  return seed;
}

/** Uniform numbers in [low, high), with 24 bits of resolution. */
export function uniform(shape: Shape, options: RandomOptions & { low?: number; high?: number }): Tensor {
  const seed = liveSeed("uniform", options?.seed);
  const { low = 0, high = 1, gpu = Gpu.default } = options;
  assertShape("uniform", shape);
  return tidy(() => shifted(randomUniform(gpu, shape, seed, high - low), low));
}

/** Normal numbers with a mean and a standard deviation. */
export function normal(shape: Shape, options: RandomOptions & { mean?: number; deviation?: number }): Tensor {
  const seed = liveSeed("normal", options?.seed);
  const { mean = 0, deviation = 1, gpu = Gpu.default } = options;
  assertShape("normal", shape);
  return tidy(() => shifted(randomNormal(gpu, shape, seed, deviation), mean));
}

/**
 * Ones with probability p, zeros otherwise, as f32: of a shape with one probability, or of a tensor of probabilities,
 * element by element. An element is 1 where its uniform number, of 24 bits, is below p.
 */
export function bernoulli(shape: Shape, options: RandomOptions & { p?: number }): Tensor;
export function bernoulli(probabilities: Tensor, options: Pick<RandomOptions, "seed">): Tensor;
export function bernoulli(target: Shape | Tensor, options: RandomOptions & { p?: number }): Tensor {
  const seed = liveSeed("bernoulli", options?.seed);
  const { p = 0.5 } = options;
  if (target instanceof Tensor) {
    requireFloat32("bernoulli", target);
  } else {
    assertShape("bernoulli", target);
    if (!(p >= 0 && p <= 1)) throw new Error(`bernoulli: expected a probability, got ${p}`);
  }
  return tidy(() => {
    const isTensor = target instanceof Tensor;
    const gpu = isTensor ? target.gpu : (options.gpu ?? Gpu.default);
    const probabilities = isTensor ? target : fill(gpu, [], p, "f32");
    const drawn = randomUniform(gpu, isTensor ? target.shape : target, seed);
    return castTo(binary("bernoulli", drawn, probabilities, BINARY.less), "f32");
  });
}

/**
 * Draws `samples` classes, with replacement, from each row of weights [..., classes]: i32 [..., samples], or [...]
 * without `samples`. Weights are probabilities up to a factor and not negative; for logits pass `softmax(logits)`. The
 * class is the first whose running sum exceeds uniform · total; sums run in order, so equal weights give equal draws on
 * every adapter. A row of zeros gives class 0.
 */
export function categorical(weights: Tensor, options: { seed: LiveNumber; samples?: number }): Tensor {
  const seed = liveSeed("categorical", options?.seed);
  requireTensors("categorical", [weights]);
  const { samples } = options;
  if (samples !== undefined && !(Number.isSafeInteger(samples) && samples >= 0)) {
    throw new Error(`categorical: samples must be a non-negative integer, got ${samples}`);
  }
  return tidy(() => {
    const drawn = randomCategorical(weights, seed, samples ?? 1);
    return samples === undefined ? drawn.view(drawn.shape.slice(0, -1), drawn.strides.slice(0, -1)) : drawn;
  });
}

/** The integers 0 … n − 1 in random order, i32 [n]; each order is equally likely. */
export function permutation(n: number, options: RandomOptions): Tensor {
  const seed = requireSeed("permutation", options?.seed);
  assertShape("permutation", [n]);
  return randomPermutation(options.gpu ?? Gpu.default, n, seed);
}

/** Added in a dispatch of its own: in one expression a GPU may fuse product and sum, and round differently. */
function shifted(x: Tensor, shift: number): Tensor {
  if (shift === 0) return x;
  const y = unary("affine", x, UNARY.affine, 1, shift);
  x.dispose();
  return y;
}
