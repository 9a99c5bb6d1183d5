import * as api from "../../../src/autograd/index.ts";
import type { Tensor } from "../../../src/tensor/index.ts";
import { hostTensor, take } from "./compose.ts";

export type ResampleMode = "nearest" | "linear" | "cubic";

export interface AxisResampling {
  axis: number;
  size: number;
  mode: ResampleMode;
  /** Position in the input of an output's centre, counted in elements. */
  place: (output: number) => number;
  /** Rounds a position to an element, for `nearest`. */
  round?: (place: number) => number;
  /** Coefficient of the cubic; −0.75 as PyTorch and ONNX have it. */
  cubic?: number;
  /** Leaves out what lies outside and weighs the rest by its sum. */
  excludeOutside?: boolean;
  /** Input elements per output element when that is to be smoothed (antialiasing), otherwise 1. */
  support?: number;
}

const linear = (d: number): number => Math.max(0, 1 - Math.abs(d));

const cubicWith =
  (a: number) =>
  (distance: number): number => {
    const d = Math.abs(distance);
    if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((d - 5) * d + 8) * d * a - 4 * a : 0;
  };

/**
 * Resamples one axis as any convention has it: nearest by taking elements, linear and cubic by a product with the
 * matrix of weights, which depends on the sizes alone and is made on the host.
 */
export function resampleAxis(
  x: Tensor,
  { axis, size, mode, place, round = Math.floor, ...options }: AxisResampling,
): Tensor {
  const length = x.shape[axis];
  const inside = (i: number): number => Math.min(Math.max(i, 0), length - 1);
  const places = Array.from({ length: size }, (_, output) => place(output));
  if (mode === "nearest")
    return take(
      x,
      axis,
      places.map((at) => inside(round(at))),
    );
  const matrix = new Float64Array(size * length);
  places.forEach((at, output) => {
    const { cubic = -0.75, excludeOutside = false, support = 1 } = options;
    const kernel = mode === "linear" ? linear : cubicWith(cubic);
    const reach = (mode === "linear" ? 1 : 2) * support;
    const row = matrix.subarray(output * length, (output + 1) * length);
    for (let i = Math.ceil(at - reach); i <= Math.floor(at + reach); i++) {
      const weight = kernel((at - i) / support);
      if (excludeOutside && (i < 0 || i >= length)) continue;
      row[inside(i)] += weight;
    }
    const total = row.reduce((a, b) => a + b, 0);
    if (excludeOutside || support > 1) for (let i = 0; i < length; i++) row[i] /= total;
  });
  const last = x.rank - 1;
  const weights = hostTensor([...matrix], [size, length]);
  const swapped = axis === last ? x : api.transpose(x, axis, last);
  const y = api.matmul(swapped, api.transpose(weights, 0, 1));
  return axis === last ? y : api.transpose(y, axis, last);
}
