import rowNormSource from "../../../shaders/normalization/row-norm.wgsl";
import backwardInputSource from "../../../shaders/normalization/row-norm-backward-input.wgsl";
import backwardWeightSource from "../../../shaders/normalization/row-norm-backward-weight.wgsl";
import { defineKernel, linearGrid, listVariants, type Specialization, specializations } from "../../gpu/index.ts";
import { reshapeView, sliceView, type Tensor } from "../../tensor/index.ts";
import { contiguous } from "../copy.ts";
import { gridOf, launch, output, readsVectors, rowGrid, rowReadings, rowVariant, VECTOR_ROWS } from "../launch.ts";
import { reduce } from "../reduction/reduce.ts";
import * as REDUCTIONS from "../reduction/reduction-functions.ts";
import { forRowWindows } from "../windows.ts";

/** The mean counts as 0: root mean square normalisation. */
const UNCENTERED = { CENTERED: "false" };

/** The result is added to what is there. */
const ADDING = { ADDS: "true" };

/** Every specialisation of the kernels that walk rows. */
const rowVariants = () => rowReadings().flatMap((rows) => [rows, { ...rows, ...UNCENTERED }]);

const forwardKernel = defineKernel({
  name: "row-norm",
  source: rowNormSource,
  bindings: { x: "read", weight: "read", bias: "read", y: "read_write", statistics: "read_write" },
  params: {
    rows: "u32",
    columns: "u32",
    epsilon: "f32",
    hasWeight: "u32",
    hasBias: "u32",
    xOffset: "u32",
    weightOffset: "u32",
    biasOffset: "u32",
    yOffset: "u32",
    statisticsOffset: "u32",
  },
});
listVariants(forwardKernel, rowVariants);

const backwardInputKernel = defineKernel({
  name: "row-norm-backward-input",
  source: backwardInputSource,
  bindings: { g: "read", x: "read", weight: "read", statistics: "read", dx: "read_write" },
  params: {
    rows: "u32",
    columns: "u32",
    hasWeight: "u32",
    gOffset: "u32",
    xOffset: "u32",
    weightOffset: "u32",
    statisticsOffset: "u32",
    dxOffset: "u32",
  },
});
listVariants(backwardInputKernel, () => rowVariants().flatMap((spec) => [spec, { ...spec, ...ADDING }]));

/** Invocations of a workgroup where each has whole columns: there are few of them, for several threads. */
const WHOLE_LANES = 16;

const weightSpec = specializations((isVector: boolean, isWhole: boolean) => ({
  ...(isVector ? { V: VECTOR_ROWS.V, WIDTH: VECTOR_ROWS.WIDTH } : {}),
  ...(isWhole ? { WHOLE: "true", LANES: `${WHOLE_LANES}u` } : {}),
}));

const backwardWeightKernel = defineKernel({
  name: "row-norm-backward-weight",
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
listVariants(backwardWeightKernel, () =>
  [true, false].flatMap((isVector) => [true, false].map((isWhole) => weightSpec(isVector, isWhole))),
);

/** Rows of the last axis of x, and what is done with each. */
export interface RowNorm {
  /** Whether the mean is subtracted: layer normalisation. Without: root mean square normalisation. */
  readonly centered: boolean;
  /** Of as many elements as a row. */
  readonly weight?: Tensor;
  readonly bias?: Tensor;
}

/** A contiguous tensor as its rows. */
const asRows = (x: Tensor, columns: number): Tensor => reshapeView(contiguous(x), [x.size / columns, columns])!;

const lastOf = (x: Tensor): number => x.shape[x.rank - 1];

const rowSpec = specializations(
  (LANES: string, ROWS: string, isVector: boolean, isCentered: boolean, adds: boolean) => ({
    ...{ LANES, ROWS },
    ...(isVector ? VECTOR_ROWS : {}),
    ...(isCentered ? {} : UNCENTERED),
    ...(adds ? ADDING : {}),
  }),
);

function specOf(x: Tensor, { centered }: RowNorm, adds = false): Specialization {
  const rows = rowVariant(x);
  return rowSpec(rows.LANES, rows.ROWS, readsVectors(x.gpu, lastOf(x)), centered, adds);
}

/**
 * y = (x − mean) / √(variance + ε) · weight + bias over the last axis. Returns y and the statistics [rows, 2] (mean,
 * 1 / deviation).
 */
export function rowNormForward(op: string, x: Tensor, norm: RowNorm, epsilon: number): [Tensor, Tensor] {
  const columns = lastOf(x);
  const y = output(op, x, x.shape);
  const statistics = output(op, x, [columns === 0 ? 0 : x.size / columns, 2]);
  if (x.size === 0) return [y, statistics];
  const spec = specOf(x, norm);
  const [weight, bias] = [norm.weight, norm.bias].map((vector) => vector && contiguous(vector));
  forRowWindows(op, [asRows(x, columns), asRows(y, columns), statistics], ([source, target, kept], rows) => {
    launch(
      op,
      forwardKernel.variant(spec),
      [source, weight ?? source, bias ?? source, target, kept],
      { rows, columns, epsilon, hasWeight: weight ? 1 : 0, hasBias: bias ? 1 : 0 },
      rowGrid(rows, rowVariant(x)),
    );
  });
  return [y, statistics];
}

/**
 * The gradient of x from that of y, added to `sum` where one is given: row-major, of x's shape, in memory of its own.
 */
export function rowNormBackwardInput(
  op: string,
  g: Tensor,
  x: Tensor,
  norm: RowNorm,
  statistics: Tensor,
  sum?: Tensor,
): Tensor {
  const columns = lastOf(x);
  const dx = sum ?? output(op, x, x.shape);
  if (x.size === 0) return dx;
  const weight = norm.weight && contiguous(norm.weight);
  const variant = backwardInputKernel.variant(specOf(x, norm, sum !== undefined));
  const matrices = [asRows(g, columns), asRows(x, columns), statistics, asRows(dx, columns)];
  forRowWindows(op, matrices, ([gradient, source, kept, target], rows) => {
    launch(
      op,
      variant,
      [gradient, source, weight ?? source, kept, target],
      { rows, columns, hasWeight: weight ? 1 : 0 },
      rowGrid(rows, rowVariant(x)),
    );
  });
  return dx;
}

/** Rows one invocation sums in order before it goes on to the next so many; the sums are then added in order. */
const ROWS_PER_CHUNK = 64;

/** Chunks whose sums a reduction adds in order in one stage. */
const CHUNKS_IN_ORDER = 256;

/** Gradients of weight and bias, both of shape [columns]. */
export function rowNormBackwardWeight(op: string, g: Tensor, x: Tensor, statistics: Tensor): [Tensor, Tensor] {
  const columns = lastOf(x);
  const matrices = x.size === 0 ? [] : [asRows(g, columns), asRows(x, columns), statistics];
  const forWindows = (body: (windows: readonly Tensor[], rows: number, chunks: number) => void): void => {
    if (x.size === 0) return;
    forRowWindows(op, matrices, (w, rows) => body(w, rows, Math.ceil(rows / ROWS_PER_CHUNK)), ROWS_PER_CHUNK);
  };
  let [total, windowCount] = [0, 0];
  forWindows((_windows, _rows, chunks) => {
    total += chunks;
    windowCount++;
  });
  const width = columns % 4 === 0 ? 4 : 1;
  const isWhole = windowCount === 1 && total <= CHUNKS_IN_ORDER && rowVariant(x).LANES === "1u";
  const partial = output(op, x, [isWhole ? 1 : total, 2, columns]);
  const variant = backwardWeightKernel.variant(weightSpec(width === 4, isWhole));
  let first = 0;
  forWindows((windows, rows, chunks) => {
    const parts = isWhole ? 1 : chunks;
    const target = sliceView(partial, 0, first, first + parts);
    const count = (parts * columns) / width;
    const params = { rows, columns, chunk: ROWS_PER_CHUNK, count };
    launch(
      op,
      variant,
      [...windows, target],
      params,
      isWhole ? linearGrid(Math.ceil(count / WHOLE_LANES)) : gridOf(count),
    );
    first += parts;
  });
  const sums = reshapeView(partial.shape[0] === 1 ? partial : reduce(op, partial, REDUCTIONS.sum, [0]), [2, columns])!;
  const row = (index: number): Tensor => reshapeView(sliceView(sums, 0, index, index + 1), [columns])!;
  return [row(0), row(1)];
}
