import type { Tensor } from "../tensor/index.ts";
import { binary } from "./elementwise/elementwise.ts";

/** The sum of two gradients of one tensor; frees both. */
export function addAndFree(a: Tensor, b: Tensor): Tensor {
  const sum = binary("accumulate", a, b, "add");
  a.dispose();
  b.dispose();
  return sum;
}
