import type { Tensor } from "../../tensor/index.ts";

/** Numbers for rows (y) and columns (x). */
export type Two = readonly [number, number];

/** How a window moves over an image. Everything counts pixels of the input. */
export interface ConvolutionGeometry {
  readonly stride: Two;
  /** Zeros before and after the rows, and before and after the columns. */
  readonly padding: readonly [Two, Two];
  readonly dilation: Two;
  readonly groups: number;
}

/** Strides of a tensor [N, C, H, W], or of a weight [O, C, KH, KW]. */
export const stridesOf = (x: Tensor): { image: number; channel: number; row: number; column: number } => {
  const [image, channel, row, column] = x.strides;
  return { image, channel, row, column };
};

/**
 * How the pixels of the input are divided into phases: those at the same place modulo the stride meet the same taps,
 * which are `tapStep` apart, and one such step moves by `move` on the output.
 */
export function phaseSteps({ stride, dilation }: ConvolutionGeometry): Record<string, number> {
  const [tapStepY, tapStepX] = stride.map((step, axis) => step / greatestCommonDivisor(step, dilation[axis]));
  return {
    ...{ phasesY: stride[0], phasesX: stride[1], dilationY: dilation[0], dilationX: dilation[1], tapStepY, tapStepX },
    moveY: -(tapStepY * dilation[0]) / stride[0],
    moveX: -(tapStepX * dilation[1]) / stride[1],
  };
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/** A sum over images, rows and columns, divided into parts of whole rows, or of `columns` of one row. */
export interface SumParts {
  /** Rows of images, counted through the batch, in a part. */
  readonly rows: number;
  readonly columns: number;
  readonly count: number;
}

/** Partial results are at most this many numbers (1 MiB), and each sums at least this many products. */
const MOST_PARTIALS = 2 ** 18;
const LEAST_PRODUCTS = 512;

/**
 * How the long sum of a weight gradient is divided, so that a GPU is busy though a weight has few elements. From the
 * shape alone, so that results do not depend on the adapter.
 */
export function weightGradientParts(weightSize: number, images: number, height: number, width: number): SumParts {
  const rows = images * height;
  const most = Math.min(256, Math.floor(MOST_PARTIALS / weightSize), Math.floor((rows * width) / LEAST_PRODUCTS));
  if (most <= 1) return { rows, columns: width, count: 1 };
  if (most <= rows) {
    const rowsInPart = Math.ceil(rows / most);
    return { rows: rowsInPart, columns: width, count: Math.ceil(rows / rowsInPart) };
  }
  const columns = Math.ceil(width / Math.floor(most / rows) / 4) * 4;
  return { rows: 1, columns, count: rows * Math.ceil(width / columns) };
}
