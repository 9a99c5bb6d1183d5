import crossEntropySource from "../../../shaders/losses/cross-entropy.wgsl";
import crossEntropyBackwardSource from "../../../shaders/losses/cross-entropy-backward.wgsl";
import { defineKernel, listVariants } from "../../gpu/index.ts";
import { sizeOf, sliceView, type Tensor, tidy } from "../../tensor/index.ts";
import { contiguous, reshaped } from "../copy.ts";
import { chooseElementVariant, inAllRuns, inRuns } from "../elementwise/element-variant.ts";
import { gridOf, launch, output, ROW_VARIANTS, requireFloat32, rowGrid, rowVariant } from "../launch.ts";
import { reduce } from "../reduction/reduce.ts";
import * as REDUCTIONS from "../reduction/reduction-functions.ts";
import { fitsBinding, halvesOf, longestAxis, requireBindable } from "../windows.ts";

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

const makeTargets = (targets: Omit<ClassTargets, "weightTotal">): ClassTargets => ({
  ...targets,
  labels: contiguous(targets.labels),
  weight: targets.weight && contiguous(targets.weight),
  weightTotal:
    targets.weight && targets.smoothing > 0 ? reduce("crossEntropy", targets.weight, REDUCTIONS.sum) : undefined,
});

const makeState = (op: string, like: Tensor, rows: number, hasWindows: boolean): CrossEntropyState => ({
  state: output(op, like, [rows, 2]),
  terms: output(op, like, [rows, 2]),
  partial: hasWindows ? output(op, like, [rows, 5]) : undefined,
});

/** Some rows of a state. */
const rowsOf = ({ state, terms, partial }: CrossEntropyState, begin: number, end: number): CrossEntropyState => ({
  state: sliceView(state, 0, begin, end),
  terms: sliceView(terms, 0, begin, end),
  partial: partial && sliceView(partial, 0, begin, end),
});

/** Takes a window of logits [outer, columns, inner] of any strides into the state of its outer · inner rows. */
function accumulateWindow(
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
function gradientOfWindow(
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

/** Logits [N, classes, ...] as [N, classes, inner]; one row of classes as [1, classes, 1]. */
function asRows(logits: Tensor): Tensor {
  const { shape, rank } = logits;
  return reshaped(logits, rank === 1 ? [1, shape[0], 1] : [shape[0], shape[1], sizeOf(shape.slice(2))]);
}

/** Ranges of outer indices and of classes that fit into one binding. */
interface Part {
  outer: [number, number];
  classes: [number, number];
}

/** Parts of logits [outer, classes, inner], classes in ascending order; halved where one does not fit. */
function partsOf(op: string, logits: Tensor): Part[] {
  const [outer, classes] = logits.shape;
  const split = ({ outer: rows, classes: columns }: Part): Part[] => {
    const view = sliceView(sliceView(logits, 0, ...rows), 1, ...columns);
    if (fitsBinding(view)) return [{ outer: rows, classes: columns }];
    const axis = longestAxis(op, view);
    if (axis > 1) requireBindable(op, view);
    return halvesOf(view.shape[axis]).flatMap(([begin, end]) =>
      split(
        axis === 0
          ? { outer: [rows[0] + begin, rows[0] + end], classes: columns }
          : { outer: rows, classes: [columns[0] + begin, columns[0] + end] },
      ),
    );
  };
  return tidy(() => split({ outer: [0, outer], classes: [0, classes] }));
}

/** Losses and weights of logits [N, classes, ...] by labels [N, ...], and what the gradient needs. */
export function crossEntropyForward(op: string, logits: Tensor, given: ClassTargets): CrossEntropyState {
  requireFloat32(op, logits);
  const rows = asRows(logits);
  const [outer, classes, inner] = rows.shape;
  const parts = partsOf(op, rows);
  const hasWindows = parts.some(({ classes: [begin, end] }) => end - begin < classes);
  const result = makeState(op, logits, outer * inner, hasWindows);
  if (logits.size === 0) return result;
  const targets = makeTargets({ ...given, labels: reshaped(contiguous(given.labels), [outer * inner]) });
  for (const part of parts) {
    const [begin, end] = part.outer.map((index) => index * inner);
    const [first, last] = part.classes;
    accumulateWindow(
      op,
      sliceView(sliceView(rows, 0, ...part.outer), 1, ...part.classes),
      { ...targets, labels: sliceView(targets.labels, 0, begin, end) },
      rowsOf(result, begin, end),
      { first, isFirst: first === 0, isLast: last === classes },
    );
  }
  return result;
}

/** The gradient of logits [N, classes, ...]. */
export function crossEntropyBackward(
  op: string,
  logits: Tensor,
  given: ClassTargets,
  state: Tensor,
  incoming: IncomingGradient,
): Tensor {
  const gradient = output(op, logits, logits.shape);
  if (logits.size === 0) return gradient;
  const rows = asRows(logits);
  const [outer, , inner] = rows.shape;
  const y = asRows(gradient);
  const targets = makeTargets({ ...given, labels: reshaped(contiguous(given.labels), [outer * inner]) });
  const g = incoming.g.rank === 0 ? incoming.g : reshaped(contiguous(incoming.g), [outer * inner]);
  for (const part of partsOf(op, rows)) {
    const [begin, end] = part.outer.map((index) => index * inner);
    const window = (x: Tensor): Tensor => sliceView(sliceView(x, 0, ...part.outer), 1, ...part.classes);
    gradientOfWindow(
      op,
      window(rows),
      window(y),
      { ...targets, labels: sliceView(targets.labels, 0, begin, end) },
      sliceView(state, 0, begin, end),
      { ...incoming, g: g.rank === 0 ? g : sliceView(g, 0, begin, end) },
      part.classes[0],
    );
  }
  return gradient;
}
