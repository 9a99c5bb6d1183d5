import type { PoolGeometry } from "../../../kernels/pooling/pooling.ts";
import { formatShape, type Tensor, tidy } from "../../../tensor/index.ts";
import { reshape } from "../shape/views.ts";
import { pooledShape, slidingWindows } from "./geometry.ts";

/** Windows of a pooling along one axis, in elements. */
export interface MaxPool1dOptions {
  /** Steps between windows; the kernel's length by default. */
  stride?: number;
  /** Places beyond both ends, or [before, after]; none by default. */
  padding?: number | readonly [number, number] | "same" | "valid";
  /** Steps between the places of a window; 1 by default. */
  dilation?: number;
  /** As for two axes. */
  ceilMode?: boolean;
}

/** Windows of an average along one axis, and whether padding counts in it. */
export interface AveragePool1dOptions extends MaxPool1dOptions {
  /** Whether the padding counts as zeros; true by default. */
  countIncludePad?: boolean;
}

/** Pools x [.., length] as planes of one row. */
export function alongOneAxis(
  op: string,
  x: Tensor,
  kernel: number,
  options: AveragePool1dOptions,
  pool: (planes: Tensor, geometry: PoolGeometry) => Tensor,
): Tensor {
  pooledShape(op, x);
  if (x.rank < 2 || x.rank > 3 || x.shape[x.rank - 1] === 0) {
    throw new Error(
      `${op}: expected [N, C, length] or [C, length] with a length of at least 1, got ${formatShape(x.shape)}`,
    );
  }
  const { stride = kernel, padding = 0, dilation = 1 } = options;
  const shape = [...x.shape.slice(0, -1), 1, x.shape[x.rank - 1]];
  const geometry = slidingWindows(op, shape, [1, kernel], {
    ...options,
    stride: [1, stride],
    padding:
      typeof padding === "string" ? padding : [[0, 0], typeof padding === "number" ? [padding, padding] : padding],
    dilation: [1, dilation],
  });
  return tidy(() => reshape(pool(reshape(x, shape), geometry), [...x.shape.slice(0, -1), geometry.output[1]]));
}
