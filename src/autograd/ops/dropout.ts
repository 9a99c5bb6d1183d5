import type { LiveNumber } from "../../gpu/index.ts";
import { requireFloat32 } from "../../kernels/launch.ts";
import { dropoutAddKernel, dropoutKernel } from "../../kernels/random/random.ts";
import { requireSeed } from "../../kernels/random/threefry.ts";
import { formatShape, shapesEqual, type Tensor } from "../../tensor/index.ts";
import { defineOp } from "../define-op.ts";

/**
 * y = x / (1 − p) where kept, 0 where dropped, each element dropped with probability p (JMLR 15:1929, 2014). Which
 * elements are kept depends on (seed, position) alone, so the gradient is the same op on the cotangent. A seed that changes
 * from step to step of a captured step is a function.
 */
export const dropoutOp = defineOp<{ p: number; seed: LiveNumber }>({
  name: "dropout",
  infer: ([x], { p, seed }) => {
    requireFloat32("dropout", x);
    requireChance("dropout", p, seed);
    return x;
  },
  forward: ([x], { p, seed }) => dropoutKernel(x, p, seed),
  vjp: (g, _saved, { attributes: { p, seed } }) => [() => dropout(g, p, seed)],
});

/** @throws with the op's name unless p is a probability and the seed a whole number. */
export function requireChance(op: string, p: number, seed: LiveNumber): void {
  if (!(p >= 0 && p <= 1)) throw new Error(`${op}: expected a probability, got ${p}`);
  requireSeed(op, seed);
}

/** y = residual + dropout(x), in one pass; inputs x and residual. */
export const dropoutAddOp = defineOp<{ p: number; seed: LiveNumber }>({
  name: "dropoutAdd",
  infer: ([x, residual], { p, seed }) => {
    requireFloat32("dropoutAdd", x, residual);
    requireChance("dropoutAdd", p, seed);
    if (!shapesEqual(x.shape, residual.shape)) {
      throw new Error(
        `dropoutAdd: expected a residual of shape ${formatShape(x.shape)}, got ${formatShape(residual.shape)}`,
      );
    }
    return x;
  },
  forward: ([x, residual], { p, seed }) => dropoutAddKernel(x, residual, p, seed),
  vjp: (g, _saved, { attributes: { p, seed } }) => [() => dropout(g, p, seed), () => g],
});

/**
 * y = x / (1 − p) where an element is kept, which it is with probability 1 − p, else 0. The seed and an element's place
 * decide: equal ones give equal bits. In a captured step the seed is a function.
 *
 * @throws when p is no probability, or the seed no whole number of 0 or more.
 */
export const dropout = (x: Tensor, p: number, seed: LiveNumber): Tensor => dropoutOp([x], { p, seed });

/**
 * y = residual + dropout(x): a residual connection around what is dropped, with the bits of `add(residual, dropout(x))` in
 * one pass.
 *
 * @throws when the shapes differ, p is no probability, or the seed no whole number.
 */
export const dropoutAdd = (x: Tensor, residual: Tensor, p: number, seed: LiveNumber): Tensor =>
  dropoutAddOp([x, residual], { p, seed });
