import softmaxSource from "../../shaders/softmax.wgsl";
import softmaxBackwardSource from "../../shaders/softmax-backward.wgsl";
import { defineKernel } from "../gpu/index.ts";
import { formatShape, type Tensor } from "../tensor/index.ts";
import { contiguous } from "./copy.ts";
import { launch, output, ROW_VARIANTS, requireFloat32, rowGrid, rowVariant } from "./launch.ts";

const softmaxKernel = defineKernel({
  name: "softmax",
  source: softmaxSource,
  bindings: { x: "read", mask: "read", y: "read_write" },
  params: {
    rows: "u32",
    columns: "u32",
    queries: "u32",
    rowsPerMask: "u32",
    xOffset: "u32",
    maskOffset: "u32",
    yOffset: "u32",
  },
  variants: () =>
    ROW_VARIANTS.flatMap((rows) => [
      rows,
      { ...rows, LOG: "true" },
      { ...rows, CAUSAL: "true" },
      { ...rows, MASKED: "true" },
      { ...rows, CAUSAL: "true", MASKED: "true" },
    ]),
});

const softmaxBackwardKernel = defineKernel({
  name: "softmax-backward",
  source: softmaxBackwardSource,
  bindings: { g: "read", y: "read", dx: "read_write" },
  params: { rows: "u32", columns: "u32", gOffset: "u32", yOffset: "u32", dxOffset: "u32" },
  variants: () => ROW_VARIANTS,
});

export interface SoftmaxOptions {
  /** Query i of the second-last axis, of length Q, sees keys up to K - Q + i. */
  causal?: boolean;
  /** Keys that may be seen, [batch, K] of i32 or u32: 0 hides. The batch is the first axis of `x`. */
  mask?: Tensor;
  /** The logarithm of the softmax instead. */
  log?: boolean;
}

/** Softmax over the last axis. */
export function softmaxForward(op: string, x: Tensor, options: SoftmaxOptions = {}): Tensor {
  requireFloat32(op, x);
  const columns = x.shape[x.rank - 1];
  const rows = x.size / columns;
  const { mask, causal = false, log = false } = options;
  if (mask && (mask.rank !== 2 || mask.shape[0] !== x.shape[0] || mask.shape[1] !== columns)) {
    throw new Error(
      `${op}: mask ${formatShape(mask.shape)} does not fit scores ${formatShape(x.shape)}, expected [${x.shape[0]}, ${columns}]`,
    );
  }
  const y = output(op, x, x.shape);
  if (x.size === 0) return y;
  const rowsSpec = rowVariant(x);
  const spec: Record<string, string> = { ...rowsSpec };
  if (log) spec.LOG = "true";
  if (causal) spec.CAUSAL = "true";
  if (mask) spec.MASKED = "true";
  const source = contiguous(x);
  const params = { rows, columns, queries: causal ? x.shape[x.rank - 2] : 1, rowsPerMask: rows / x.shape[0] };
  launch(
    op,
    softmaxKernel.variant(spec),
    [source, mask ? contiguous(mask) : source, y],
    params,
    rowGrid(rows, rowsSpec),
  );
  return y;
}

/** dx = y (g - Σ g y) along the last axis. */
export function softmaxBackward(op: string, g: Tensor, y: Tensor): Tensor {
  const columns = y.shape[y.rank - 1];
  const rows = y.size / columns;
  const dx = output(op, y, y.shape);
  if (y.size === 0) return dx;
  const spec = rowVariant(y);
  launch(
    op,
    softmaxBackwardKernel.variant(spec),
    [contiguous(g), contiguous(y), dx],
    { rows, columns },
    rowGrid(rows, spec),
  );
  return dx;
}
