import type { Tensor } from "../tensor/index.ts";
import { binary } from "./elementwise.ts";

/**
 * Adds two tensors of one shape and frees both. The sum of gradients of large tables would otherwise need three
 * of them at a time.
 */
export function addInto(a: Tensor, b: Tensor): Tensor {
  const sum = binary("accumulate", a, b, "add");
  a.dispose();
  b.dispose();
  return sum;
}
