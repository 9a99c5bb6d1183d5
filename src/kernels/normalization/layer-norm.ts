import layerNormSource from "../../../shaders/normalization/layer-norm.wgsl";
import backwardInputSource from "../../../shaders/normalization/layer-norm-backward-input.wgsl";
import backwardWeightSource from "../../../shaders/normalization/layer-norm-backward-weight.wgsl";
import { defineKernel } from "../../gpu/index.ts";
import { formatShape, reshapeView, sliceView, type Tensor } from "../../tensor/index.ts";
import { contiguous } from "../copy.ts";
import { gridOf, launch, output, ROW_VARIANTS, requireFloat32, rowGrid, rowVariant } from "../launch.ts";
import { reduce } from "../reduce.ts";

const forwardKernel = defineKernel({
  name: "layer-norm",
  source: layerNormSource,
  bindings: { x: "read", weight: "read", bias: "read", y: "read_write", statistics: "read_write" },
  params: {
    rows: "u32",
    columns: "u32",
    epsilon: "f32",
    xOffset: "u32",
    weightOffset: "u32",
    biasOffset: "u32",
    yOffset: "u32",
    statisticsOffset: "u32",
  },
  variants: () => ROW_VARIANTS,
});

const backwardInputKernel = defineKernel({
  name: "layer-norm-backward-input",
  source: backwardInputSource,
  bindings: { g: "read", x: "read", weight: "read", statistics: "read", dx: "read_write" },
  params: {
    rows: "u32",
    columns: "u32",
    gOffset: "u32",
    xOffset: "u32",
    weightOffset: "u32",
    statisticsOffset: "u32",
    dxOffset: "u32",
  },
  variants: () => ROW_VARIANTS,
});

const backwardWeightKernel = defineKernel({
  name: "layer-norm-backward-weight",
  source: backwardWeightSource,
  bindings: { g: "read", x: "read", statistics: "read", y: "read_write" },
  params: {
    rows: "u32",
    columns: "u32",
    chunk: "u32",
    count: "u32",
    gOffset: "u32",
    xOffset: "u32",
    statisticsOffset: "u32",
    yOffset: "u32",
  },
});

const rowsOf = (x: Tensor): [number, number] => [x.size / x.shape[x.rank - 1], x.shape[x.rank - 1]];

/** Layer normalisation over the last axis. Returns y and the statistics [rows, 2] (mean, 1/deviation). */
export function layerNormForward(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): [Tensor, Tensor] {
  requireFloat32("layerNorm", x, weight, bias);
  const [rows, columns] = rowsOf(x);
  if (weight.size !== columns || bias.size !== columns) {
    throw new Error(
      `layerNorm: input ${formatShape(x.shape)} needs weight and bias of shape [${columns}], got ${formatShape(weight.shape)} and ${formatShape(bias.shape)}`,
    );
  }
  const y = output("layerNorm", x, x.shape);
  const statistics = output("layerNorm", x, [rows, 2]);
  const spec = rowVariant(x);
  const tensors = [contiguous(x), contiguous(weight), contiguous(bias), y, statistics];
  if (x.size > 0) {
    launch("layerNorm", forwardKernel.variant(spec), tensors, { rows, columns, epsilon }, rowGrid(rows, spec));
  }
  return [y, statistics];
}

export function layerNormBackwardInput(g: Tensor, x: Tensor, weight: Tensor, statistics: Tensor): Tensor {
  const [rows, columns] = rowsOf(x);
  const dx = output("layerNorm backward", x, x.shape);
  const spec = rowVariant(x);
  const tensors = [contiguous(g), contiguous(x), contiguous(weight), statistics, dx];
  launch("layerNorm backward", backwardInputKernel.variant(spec), tensors, { rows, columns }, rowGrid(rows, spec));
  return dx;
}

/** Rows one invocation sums in order; partial sums are then reduced in stages. */
const ROWS_PER_CHUNK = 64;

/** Gradients of weight and bias, both of shape [columns]. */
export function layerNormBackwardWeight(g: Tensor, x: Tensor, statistics: Tensor): [Tensor, Tensor] {
  const [rows, columns] = rowsOf(x);
  const chunks = Math.ceil(rows / ROWS_PER_CHUNK);
  const partial = output("layerNorm backward", x, [chunks, 2, columns]);
  const count = chunks * columns;
  const params = { rows, columns, chunk: ROWS_PER_CHUNK, count };
  const tensors = [contiguous(g), contiguous(x), statistics, partial];
  launch("layerNorm backward", backwardWeightKernel.variant(), tensors, params, gridOf(count));
  const total = reshapeView(chunks === 1 ? partial : reduce("layerNorm backward", partial, "sum", [0]), [2, columns])!;
  const row = (index: number): Tensor => reshapeView(sliceView(total, 0, index, index + 1), [columns])!;
  return [row(0), row(1)];
}
