import { requireFloat32 } from "../../../kernels/launch.ts";
import { type ClassTargets, crossEntropyBackward, crossEntropyForward } from "../../../kernels/losses/cross-entropy.ts";
import {
  formatShape,
  isFloat,
  requireTensors,
  type Shape,
  shapesEqual,
  type Tensor,
  tidy,
} from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { sum } from "../broadcast.ts";
import { add, affine, cast, div, mul, neg, notEqual, sub } from "../elementwise/index.ts";
import { oneHotOp } from "../indexing/one-hot.ts";
import { logSoftmax, softmax } from "../normalization/softmax.ts";
import { permute, reshape } from "../shape/views.ts";
import { type Reduction, reduceTerms, requireReduction } from "./reduction.ts";

export interface CrossEntropyAttributes {
  /** Rows with this label count nothing and get no gradient. */
  ignoreIndex: number;
  /** How much of each target is spread evenly over all classes, 0 to 1. */
  labelSmoothing: number;
  reduction: Reduction;
}

const NAME = "crossEntropy";

/** The axis of the classes: the second, or the only one. */
const classAxis = (rank: number): number => (rank === 1 ? 0 : 1);
const withoutClasses = (shape: Shape): number[] => shape.filter((_, axis) => axis !== classAxis(shape.length));

function checkLogits(logits: Tensor, weight: Tensor | undefined, labelSmoothing: number): void {
  requireFloat32(NAME, logits, ...(weight ? [weight] : []));
  const classes = logits.shape[classAxis(logits.rank)];
  if (logits.rank < 1 || classes === 0) {
    throw new Error(`${NAME}: expected logits [N, classes, ...], got ${formatShape(logits.shape)}`);
  }
  if (weight && !shapesEqual(weight.shape, [classes])) {
    throw new Error(`${NAME}: expected a weight for each of ${classes} classes, got ${formatShape(weight.shape)}`);
  }
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new Error(`${NAME}: expected a labelSmoothing from 0 to 1, got ${labelSmoothing}`);
  }
}

const targetsOf = (
  [logits, labels, weight]: readonly Tensor[],
  { ignoreIndex, labelSmoothing }: CrossEntropyAttributes,
): ClassTargets => ({
  labels,
  ignoreIndex,
  classes: logits.shape[classAxis(logits.rank)],
  weight,
  smoothing: labelSmoothing,
});

/** 1 where a label counts, else 0, as f32 of the labels' shape. */
export const counted = (labels: Tensor, ignoreIndex: number): Tensor => cast(notEqual(labels, ignoreIndex), "f32");

/** Another order of axes: the classes last, or back in their place. */
function classesLast(x: Tensor, isBack = false): Tensor {
  if (x.rank < 3) return x;
  const others = x.shape.map((_, axis) => axis).slice(2);
  return permute(x, isBack ? [0, x.rank - 1, ...others.map((axis) => axis - 1)] : [0, ...others, 1]);
}

/**
 * The gradient of the logits in differentiable ops, for losses of the rows with gradient `g` [N, ...] or a scalar:
 * ((1 − s) w[l] (p − one-hot) + s / C (W p − w)) · g, 0 where ignored.
 */
export function plainGradient(
  g: Tensor,
  [logits, labels, weight]: readonly (Tensor | undefined)[],
  { ignoreIndex, labelSmoothing }: Omit<CrossEntropyAttributes, "reduction">,
): Tensor {
  const x = classesLast(logits as Tensor);
  const classes = x.shape[x.rank - 1];
  const column = (y: Tensor): Tensor => (y.rank === 0 && x.rank > 1 ? y : reshape(y, [...x.shape.slice(0, -1), 1]));
  const probabilities = softmax(x);
  const ids = labels as Tensor;
  const expected = oneHotOp([ids], { classes });
  const weighted = weight ? mul(expected, weight) : expected;
  const rowWeight = sum(weighted, -1, true);
  let slope = sub(mul(probabilities, rowWeight), weighted);
  if (labelSmoothing > 0) {
    const even = weight ? sub(mul(probabilities, sum(weight)), weight) : affine(probabilities, classes, -1);
    slope = add(mul(slope, 1 - labelSmoothing), mul(even, labelSmoothing / classes));
  }
  return classesLast(mul(slope, mul(column(g), column(counted(ids, ignoreIndex)))), true);
}

/**
 * Cross-entropy of logits [N, C, ...] with class indices [N, ...] of i32, and a weight for each class [C] as a third
 * input: −(1 − s) w[l] log p[l] − s / C Σ_c w[c] log p[c] for label l and smoothing s. One pass over the logits forward
 * and one backward; the logarithms of the probabilities are never stored.
 */
export const crossEntropyOp = defineOp<CrossEntropyAttributes>({
  name: NAME,
  infer: ([logits, labels, weight], { reduction, labelSmoothing }) => {
    checkLogits(logits, weight, labelSmoothing);
    requireReduction(NAME, reduction);
    const shape = withoutClasses(logits.shape);
    if (labels.dtype !== "i32" || !shapesEqual(labels.shape, shape)) {
      throw new Error(
        `${NAME}: logits ${formatShape(logits.shape)} need i32 labels of shape ${formatShape(shape)}, got ${labels.dtype}${formatShape(labels.shape)}`,
      );
    }
    return { shape: reduction === "none" ? shape : [], dtype: "f32" };
  },
  forward: (inputs, attributes) => {
    const { state, terms } = crossEntropyForward(NAME, inputs[0], targetsOf(inputs, attributes));
    const { value, divisor } = reduceTerms(NAME, terms, inputs[1].shape, attributes.reduction);
    return divisor ? [value, state, divisor] : [value, state];
  },
  save: (inputs, [, ...rest]) => [...inputs, ...rest],
  vjp: (g, saved, { attributes, createGraph, inputs }) => {
    const values = saved.slice(0, inputs.length);
    const [state, divisor] = saved.slice(inputs.length);
    return [
      () => {
        if (createGraph) return plainGradient(divisor ? div(g, divisor) : g, values, attributes);
        return crossEntropyBackward(`${NAME} backward`, values[0], targetsOf(values, attributes), state, {
          g,
          divisor,
        });
      },
      null,
      null,
    ].slice(0, inputs.length);
  },
});

/** How the losses of rows are weighed and added up. */
export interface CrossEntropyOptions {
  /** Label that counts nothing; −100 by default, as in PyTorch. Of no meaning for soft targets. */
  ignoreIndex?: number;
  /** `mean` (default), `sum`, or `none` for a loss for each target. */
  reduction?: Reduction;
  /** Factor of each class, [classes]; it gets no gradient from class indices. */
  weight?: Tensor;
  /** How much of each target is spread evenly over all classes; 0 by default (arXiv:1512.00567). */
  labelSmoothing?: number;
}

/**
 * Cross-entropy of logits [N, C, ...], or [C], as torch.nn.functional.cross_entropy. Targets are class indices [N, ...]
 * of i32, or probabilities of the classes, f32 in the logits' shape.
 *
 * With indices, `mean` divides by the sum of the targets' weights: by the number of targets that are not ignored when
 * there is no `weight`, and NaN when all are. With probabilities it divides by the number of targets. An index that is
 * neither a class nor ignored gives NaN (PyTorch raises an error, which would take a readback here).
 *
 * @throws when shapes or types do not fit.
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { ignoreIndex = -100, reduction = "mean", weight, labelSmoothing = 0 } = options;
  requireTensors(NAME, weight ? [logits, target, weight] : [logits, target]);
  if (isFloat(target.dtype)) return softCrossEntropy(logits, target, { reduction, weight, labelSmoothing });
  const attributes = { ignoreIndex, labelSmoothing, reduction };
  return crossEntropyOp(weight ? [logits, target, weight] : [logits, target], attributes);
}

/** −Σ_c w[c] t[c] log p[c] for targets t, smoothed beforehand. */
function softCrossEntropy(
  logits: Tensor,
  target: Tensor,
  {
    reduction,
    weight,
    labelSmoothing,
  }: Required<Pick<CrossEntropyOptions, "reduction" | "labelSmoothing">> & {
    weight?: Tensor;
  },
): Tensor {
  checkLogits(logits, weight, labelSmoothing);
  requireReduction(NAME, reduction);
  requireFloat32(NAME, target);
  if (!shapesEqual(logits.shape, target.shape)) {
    throw new Error(
      `${NAME}: probabilities ${formatShape(target.shape)} do not have the shape of logits ${formatShape(logits.shape)}`,
    );
  }
  const axis = classAxis(logits.rank);
  const classes = logits.shape[axis];
  const smooth = (): Tensor =>
    labelSmoothing > 0 ? affine(target, 1 - labelSmoothing, labelSmoothing / classes) : target;
  const shape = logits.shape.map((_, i) => (i === axis ? classes : 1));
  return tidy(() => {
    const weighted = weight ? mul(smooth(), reshape(weight, shape)) : smooth();
    const products = mul(logSoftmax(logits, axis), weighted);
    if (reduction === "none") return neg(sum(products, axis));
    return mul(sum(products), reduction === "sum" ? -1 : -classes / logits.size);
  });
}
