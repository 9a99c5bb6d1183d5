import softmaxSource from "../../../shaders/normalization/softmax.wgsl";
import softmaxBackwardSource from "../../../shaders/normalization/softmax-backward.wgsl";
import { defineKernel, listVariants, specializations } from "../../gpu/index.ts";
import { expandView, type Shape, sizeOf, type Tensor } from "../../tensor/index.ts";
import { contiguous, copy, reshaped } from "../copy.ts";
import {
  launch,
  output,
  ROW_VARIANTS,
  readsVectors,
  requireFloat32,
  rowGrid,
  rowReadings,
  rowVariant,
  VECTOR_ROWS,
} from "../launch.ts";
import { mergeAxes } from "../strided.ts";
import { forRowWindows, requireBindable } from "../windows.ts";

/** The maximum of vectors is that of their elements. */
const VECTOR_SOFTMAX = {
  ...VECTOR_ROWS,
  highest:
    "return max(max(largest, max(nanAsInfinity(v.x), nanAsInfinity(v.y))), max(nanAsInfinity(v.z), nanAsInfinity(v.w)));",
};

const softmaxKernel = defineKernel({
  name: "softmax",
  source: softmaxSource,
  bindings: { x: "read", mask: "read", bias: "read", y: "read_write" },
  params: {
    rowShape: "vec4<u32>",
    maskRows: "vec4<u32>",
    biasRows: "vec4<u32>",
    maskColumn: "u32",
    biasColumn: "u32",
    firstRow: "u32",
    rows: "u32",
    columns: "u32",
    inner: "u32",
    queries: "u32",
    reach: "u32",
    emptyIsZero: "u32",
    xOffset: "u32",
    maskOffset: "u32",
    biasOffset: "u32",
    yOffset: "u32",
  },
});
listVariants(softmaxKernel, () =>
  ROW_VARIANTS.flatMap((rows) => [
    rows,
    { ...rows, LOG: "true" },
    { ...rows, MASKED: "true" },
    { ...rows, BIASED: "true" },
    { ...rows, MASKED: "true", BIASED: "true" },
    ...(rows.LANES === "1u"
      ? [
          { ...rows, ...VECTOR_SOFTMAX },
          { ...rows, ...VECTOR_SOFTMAX, LOG: "true" },
        ]
      : []),
  ]),
);

const softmaxBackwardKernel = defineKernel({
  name: "softmax-backward",
  source: softmaxBackwardSource,
  bindings: { g: "read", y: "read", dx: "read_write" },
  params: { rows: "u32", columns: "u32", inner: "u32", gOffset: "u32", yOffset: "u32", dxOffset: "u32" },
});
listVariants(softmaxBackwardKernel, rowReadings);

const softmaxSpec = specializations((LANES: string, ROWS: string, isVector: boolean, isLog: boolean) => ({
  ...{ LANES, ROWS },
  ...(isVector ? VECTOR_SOFTMAX : {}),
  ...(isLog ? { LOG: "true" } : {}),
}));

const attentionSpec = specializations((LANES: string, ROWS: string, isMasked: boolean, isBiased: boolean) => ({
  ...{ LANES, ROWS },
  ...(isMasked ? { MASKED: "true" } : {}),
  ...(isBiased ? { BIASED: "true" } : {}),
}));

const backwardSpec = specializations((LANES: string, ROWS: string, isVector: boolean) => ({
  ...{ LANES, ROWS },
  ...(isVector ? VECTOR_ROWS : {}),
}));

/** A shape around one axis: the product of the lengths before it, its own, and the product of those behind. */
function aroundAxis(shape: Shape, axis: number): [outer: number, length: number, inner: number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis], sizeOf(shape.slice(axis + 1))];
}

/** Softmax along one axis, or its logarithm: a contiguous result of the same shape. */
export function softmaxForward(op: string, x: Tensor, options: { log?: boolean; axis?: number } = {}): Tensor {
  const { log = false, axis = x.rank - 1 } = options;
  requireFloat32(op, x);
  const y = output(op, x, x.shape);
  if (x.size === 0) return y;
  const [outer, columns, inner] = aroundAxis(x.shape, axis);
  const rowsSpec = rowVariant(x);
  const isVector = inner === 1 && readsVectors(x.gpu, columns);
  const variant = softmaxKernel.variant(softmaxSpec(rowsSpec.LANES, rowsSpec.ROWS, isVector, log));
  const parts = [contiguous(x), y].map((part) => reshaped(part, [outer, columns * inner]));
  forRowWindows(op, parts, ([source, target], length) => {
    const rows = length * inner;
    launch(
      op,
      variant,
      [source, source, source, target],
      {
        rowShape: ONES,
        maskRows: NONE,
        biasRows: NONE,
        maskColumn: 0,
        biasColumn: 0,
        firstRow: 0,
        rows,
        columns,
        inner,
        queries: 1,
        reach: columns,
        emptyIsZero: 0,
      },
      rowGrid(rows, rowsSpec),
    );
  });
  return y;
}

const ONES = [1, 1, 1, 1];
const NONE = [0, 0, 0, 0];

/** How masks and biases are read along the rows and columns of the scores. */
interface Walk {
  readonly rowShape: readonly number[];
  readonly maskRows: readonly number[];
  readonly biasRows: readonly number[];
  readonly maskColumn: number;
  readonly biasColumn: number;
}

export interface AttentionMasks {
  /** Query i of the second-last axis sees the first `reach` + i keys; all when undefined. */
  reach?: number;
  /** Of i32, u32 or bool, broadcastable to the scores: 0 hides. */
  mask?: Tensor;
  /** Added to the scores, broadcastable to them. */
  bias?: Tensor;
}

/** Softmax of attention scores [..., Q, K] over the keys; a row that sees nothing is 0. */
export function attentionSoftmaxForward(op: string, scores: Tensor, { reach, mask, bias }: AttentionMasks): Tensor {
  requireFloat32(op, scores, ...(bias ? [bias] : []));
  const y = output(op, scores, scores.shape);
  if (y.size === 0) return y;
  const columns = scores.shape[scores.rank - 1];
  const rowsSpec = rowVariant(scores);
  const variant = softmaxKernel.variant(attentionSpec(rowsSpec.LANES, rowsSpec.ROWS, !!mask, !!bias));
  const walk = walkOf(op, scores.shape, mask, bias);
  const parts = [contiguous(scores), y].map((part) => reshaped(part, [y.size / columns, columns]));
  forRowWindows(op, parts, ([source, target], rows, firstRow) => {
    launch(
      op,
      variant,
      [source, walk.mask ?? source, walk.bias ?? source, target],
      {
        ...walk.params,
        firstRow,
        rows,
        columns,
        inner: 1,
        queries: reach === undefined ? 1 : scores.shape[scores.rank - 2],
        reach: reach ?? columns,
        emptyIsZero: 1,
      },
      rowGrid(rows, rowsSpec),
    );
  });
  return y;
}

/** How mask and bias are read along the rows and columns of the scores: in place, unless more than four axes are left. */
function walkOf(
  op: string,
  shape: Shape,
  mask: Tensor | undefined,
  bias: Tensor | undefined,
): { mask?: Tensor; bias?: Tensor; params: Walk } {
  const views = [mask, bias].map((x) => x && expandView(x, shape));
  requireBindable(op, ...views.filter((view) => view !== undefined));
  const rowStrides = (view: Tensor | undefined): readonly number[] =>
    view ? view.strides.slice(0, -1) : shape.slice(0, -1).map(() => 0);
  const merged = mergeAxes(op, shape.slice(0, -1), views.map(rowStrides));
  if (merged.shape.length > 4) return walkOf(op, shape, views[0] && copy(views[0]), views[1] && copy(views[1]));
  const padded = (values: readonly number[], fill: number): number[] => [
    ...new Array<number>(4 - values.length).fill(fill),
    ...values,
  ];
  const column = (view: Tensor | undefined): number => view?.strides[view.rank - 1] ?? 0;
  return {
    mask: views[0],
    bias: views[1],
    params: {
      rowShape: padded(merged.shape, 1),
      maskRows: padded(merged.strides[0], 0),
      biasRows: padded(merged.strides[1], 0),
      maskColumn: column(views[0]),
      biasColumn: column(views[1]),
    },
  };
}

/** dx = y (g − Σ g y) along one axis. */
export function softmaxBackward(op: string, g: Tensor, y: Tensor, axis = y.rank - 1): Tensor {
  const dx = output(op, y, y.shape);
  if (y.size === 0) return dx;
  const [outer, columns, inner] = aroundAxis(y.shape, axis);
  const spec = rowVariant(y);
  const isVector = inner === 1 && readsVectors(y.gpu, columns);
  const variant = softmaxBackwardKernel.variant(backwardSpec(spec.LANES, spec.ROWS, isVector));
  const parts = [contiguous(g), contiguous(y), dx].map((part) => reshaped(part, [outer, columns * inner]));
  forRowWindows(op, parts, (windows, length) => {
    const rows = length * inner;
    launch(op, variant, windows, { rows, columns, inner }, rowGrid(rows, spec));
  });
  return dx;
}
