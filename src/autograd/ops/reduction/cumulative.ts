import { type ScanOptions, scan, scanType } from "../../../kernels/reduction/scan.ts";
import { normalizeAxis, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";

/** Whether a running sum or product leaves the element itself out, and from which end it runs. */
export type CumulativeOptions = ScanOptions;

export interface CumulativeAttributes extends CumulativeOptions {
  axis: number;
}

/** y_i = Σ x_j over j ≤ i along an axis (j < i when exclusive; from the end when reverse). */
export const cumsumOp = defineOp<CumulativeAttributes>({
  name: "cumsum",
  infer: ([x], { axis }) => {
    if (x.rank > 0 || (axis !== 0 && axis !== -1)) normalizeAxis("cumsum", axis, x.rank);
    return { shape: x.shape, dtype: scanType(x.dtype) };
  },
  forward: ([x], { axis, ...options }) => scan("cumsum", x, axis, "sum", options),
  vjp: (g, _saved, { attributes: { axis, exclusive, reverse = false } }) => [
    () => cumsum(g, axis, { exclusive, reverse: !reverse }),
  ],
});

/**
 * Running sums along an axis; f16 is summed in f32, bool is counted in i32. An axis of up to 512 elements beside 64 or more
 * others is summed in order; any other in chunks of 256, each in order, to which what all chunks before it give is added.
 */
export const cumsum = (x: Tensor, axis: number, options: CumulativeOptions = {}): Tensor =>
  cumsumOp([x], { axis, exclusive: options.exclusive ?? false, reverse: options.reverse ?? false });
