import crossEntropySource from "../../../shaders/losses/cross-entropy.wgsl";
import crossEntropyBackwardSource from "../../../shaders/losses/cross-entropy-backward.wgsl";
import { defineKernel, listVariants } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { chooseElementVariant, inAllRuns, inRuns } from "../elementwise/element-variant.ts";
import { gridOf, launch, output, ROW_VARIANTS, rowGrid, rowVariant } from "../launch.ts";

const forwardKernel = defineKernel({
  name: "cross-entropy",
  source: crossEntropySource,
  bindings: {
    logits: "read",
    labels: "read",
    weight: "read",
    weightTotal: "read",
    partial: "read_write",
    state: "read_write",
    terms: "read_write",
  },
  params: {
    rows: "u32",
    columns: "u32",
    first: "u32",
    isFirst: "u32",
    isLast: "u32",
    ignoreIndex: "i32",
    inner: "u32",
    outerStride: "u32",
    innerStride: "u32",
    classStride: "u32",
    hasWeight: "u32",
    classes: "f32",
    smoothing: "f32",
    invalid: "f32",
    logitsOffset: "u32",
    labelsOffset: "u32",
    weightOffset: "u32",
    weightTotalOffset: "u32",
    partialOffset: "u32",
    stateOffset: "u32",
    termsOffset: "u32",
  },
});
listVariants(forwardKernel, () => ROW_VARIANTS);

const SEPARATE = {};
const IN_PLACE = { logitAt: "return y[q];" };

const backwardKernel = defineKernel({
  name: "cross-entropy-backward",
  source: crossEntropyBackwardSource,
  bindings: {
    state: "read",
    labels: "read",
    weight: "read",
    weightTotal: "read",
    g: "read",
    divisor: "read",
    logits: "read",
    y: "read_write",
  },
  params: {
    count: "u32",
    runs: "u32",
    columns: "u32",
    first: "u32",
    ignoreIndex: "i32",
    inner: "u32",
    outerStride: "u32",
    innerStride: "u32",
    classStride: "u32",
    yOuterStride: "u32",
    yInnerStride: "u32",
    yClassStride: "u32",
    gStride: "u32",
    isMean: "u32",
    hasWeight: "u32",
    classes: "f32",
    smoothing: "f32",
    invalid: "f32",
    stateOffset: "u32",
    labelsOffset: "u32",
    weightOffset: "u32",
    weightTotalOffset: "u32",
    gOffset: "u32",
    divisorOffset: "u32",
    logitsOffset: "u32",
    yOffset: "u32",
  },
});
listVariants(backwardKernel, () => inAllRuns([SEPARATE, IN_PLACE]));

/** What a loss of class indices is made of besides the logits. */
export interface ClassTargets {
  /** [rows] of i32. */
  labels: Tensor;
  ignoreIndex: number;
  /** How many classes there are in all windows together. */
  classes: number;
  /** Factor of each class, [classes]. */
  weight?: Tensor;
  /** Sum of the weights, [1]; wanted with smoothing. */
  weightTotal?: Tensor;
  /** How much of each target is spread evenly over all classes. */
  smoothing: number;
}

/** What a pass over the logits leaves behind. */
export interface CrossEntropyState {
  /** [rows, 2]: the largest logit and the logarithm of Σ exp(x − largest). */
  state: Tensor;
  /** [rows, 2]: the loss of a row and its weight, 0 where it is ignored. */
  terms: Tensor;
  /** [rows, 5], between windows of classes. */
  partial?: Tensor;
}

/** A window of the classes. */
interface Window {
  first: number;
  isFirst: boolean;
  isLast: boolean;
}

/** Takes a window of logits [outer, columns, inner] of any strides into the state of its outer · inner rows. */
export function accumulateWindow(
  op: string,
  logits: Tensor,
  targets: ClassTargets,
  { state, terms, partial }: CrossEntropyState,
  window: Window,
): void {
  const [outer, columns, inner] = logits.shape;
  const rows = outer * inner;
  const spec = rowVariant(logits);
  const { labels, weight, weightTotal, ignoreIndex, classes, smoothing } = targets;
  const [outerStride, classStride, innerStride] = logits.strides;
  const spare = partial ?? output(op, logits, [1]);
  launch(
    op,
    forwardKernel.variant(spec),
    [logits, labels, weight ?? logits, weightTotal ?? logits, spare, state, terms],
    {
      rows,
      columns,
      first: window.first,
      isFirst: window.isFirst ? 1 : 0,
      isLast: window.isLast ? 1 : 0,
      ignoreIndex,
      ...{ inner, outerStride, innerStride, classStride },
      hasWeight: weight ? 1 : 0,
      classes,
      smoothing,
      invalid: Number.NaN,
    },
    rowGrid(rows, spec),
  );
}

/** The gradient of the losses that arrives. */
export interface IncomingGradient {
  /** Of each row, or of their sum or mean. */
  g: Tensor;
  /** Σ of the rows' weights, by which a mean was divided. */
  divisor?: Tensor;
}

/** Writes the gradient by a window of logits into `y` of the same shape [outer, columns, inner], or over the logits. */
export function gradientOfWindow(
  op: string,
  logits: Tensor,
  y: Tensor,
  targets: ClassTargets,
  state: Tensor,
  { g, divisor }: IncomingGradient,
  first: number,
): void {
  const [, columns, inner] = logits.shape;
  const { labels, weight, weightTotal, ignoreIndex, classes, smoothing } = targets;
  const isInPlace = logits === y;
  const { run } = chooseElementVariant(y.gpu);
  const runs = Math.ceil(columns / run);
  const count = (y.size / columns) * runs;
  const [outerStride, classStride, innerStride] = logits.strides;
  const [yOuterStride, yClassStride, yInnerStride] = y.strides;
  launch(
    op,
    backwardKernel.variant(inRuns(isInPlace ? IN_PLACE : SEPARATE, run)),
    [state, labels, weight ?? state, weightTotal ?? state, g, divisor ?? state, isInPlace ? state : logits, y],
    {
      count,
      runs,
      columns,
      first,
      ignoreIndex,
      ...{ inner, outerStride, innerStride, classStride, yOuterStride, yInnerStride, yClassStride },
      gStride: g.rank === 0 ? 0 : 1,
      isMean: divisor ? 1 : 0,
      hasWeight: weight ? 1 : 0,
      classes,
      smoothing,
      invalid: Number.NaN,
    },
    gridOf(count),
  );
}
