import { sizeOf, sliceView, type Tensor, tidy } from "../../tensor/index.ts";
import { contiguous, reshaped } from "../copy.ts";
import { output, requireFloat32 } from "../launch.ts";
import { reduce } from "../reduction/reduce.ts";
import * as REDUCTIONS from "../reduction/reduction-functions.ts";
import { fitsBinding, halvesOf, longestAxis, requireBindable } from "../windows.ts";
import {
  accumulateWindow,
  type ClassTargets,
  type CrossEntropyState,
  gradientOfWindow,
  type IncomingGradient,
} from "./cross-entropy-window.ts";

export type { ClassTargets, CrossEntropyState, IncomingGradient } from "./cross-entropy-window.ts";

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
