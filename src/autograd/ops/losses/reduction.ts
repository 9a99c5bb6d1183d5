import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import { binary } from "../../../kernels/elementwise/elementwise.ts";
import { reduce } from "../../../kernels/reduction/reduce.ts";
import * as REDUCTIONS from "../../../kernels/reduction/reduction-functions.ts";
import { reshapeView, type Shape, sliceView, type Tensor, tidy } from "../../../tensor/index.ts";
import { sum } from "../broadcast.ts";
import { mean } from "../reduction/index.ts";

/** `mean` over what counts, `sum`, or `none` for a loss each. */
export type Reduction = "mean" | "sum" | "none";

export function requireReduction(
  op: string,
  reduction: string,
  allowed: readonly string[] = ["mean", "sum", "none"],
): void {
  if (allowed.includes(reduction)) return;
  throw new Error(`${op}: expected a reduction of ${allowed.join(", ")}, got ${reduction}`);
}

/** Losses of any shape put together, in differentiable ops. */
export function reduceLosses(op: string, losses: () => Tensor, reduction: Reduction): Tensor {
  requireReduction(op, reduction);
  return tidy(() => (reduction === "none" ? losses() : reduction === "sum" ? sum(losses()) : mean(losses())));
}

/**
 * Losses and their weights, `terms` [rows, 2], put together: each loss in the given shape, their sum, or their sum over
 * that of the weights, which is returned as well.
 */
export function reduceTerms(
  op: string,
  terms: Tensor,
  shape: Shape,
  reduction: Reduction,
): { value: Tensor; divisor?: Tensor } {
  if (reduction === "none") {
    const losses = sliceView(terms, 1, 0, 1);
    return { value: reshapeView(losses, shape) as Tensor };
  }
  const sums = reduce(op, terms, REDUCTIONS.sum, [0]);
  const scalar = (index: number): Tensor => reshapeView(sliceView(sums, 1, index, index + 1), []) as Tensor;
  if (reduction === "sum") return { value: scalar(0) };
  const divisor = scalar(1);
  return { value: binary(op, scalar(0), divisor, BINARY.div), divisor };
}
