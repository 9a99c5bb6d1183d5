import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import { binary } from "../../../kernels/elementwise/elementwise.ts";
import { scaleInPlace } from "../../../kernels/elementwise/scale-in-place.ts";
import { requireFloat32 } from "../../../kernels/launch.ts";
import {
  type LinearGradients,
  linearCrossEntropyBackward,
  linearCrossEntropyForward,
} from "../../../kernels/losses/linear-cross-entropy.ts";
import { reduce } from "../../../kernels/reduction/reduce.ts";
import * as REDUCTIONS from "../../../kernels/reduction/reduction-functions.ts";
import { formatShape, reshapeView, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { gradientHome } from "../../gradient-homes.ts";
import { div, mul } from "../elementwise/index.ts";
import { matmul } from "../linear-algebra/matmul.ts";
import { transpose } from "../shape/views.ts";
import { type CrossEntropyOptions, plainGradient } from "./cross-entropy.ts";
import { type Reduction, requireReduction } from "./reduction.ts";

export interface LinearCrossEntropyAttributes {
  /** Rows with this label count nothing and get no gradient. */
  ignoreIndex: number;
  reduction: Reduction;
}

const NAME = "linearCrossEntropy";

/**
 * Cross-entropy of each row of the logits x · Wᵀ, x [rows, width], W [classes, width], without ever holding all
 * logits: the rows pass in chunks. Of a sum or mean the gradients are made in the forward pass, from the logits of each
 * chunk while they are there, and multiplied in the backward pass by what arrives. Losses of single rows have their
 * logits computed again.
 */
export const linearCrossEntropyOp = defineOp<LinearCrossEntropyAttributes>({
  name: NAME,
  infer: ([x, weight, labels], { reduction }) => {
    requireFloat32(NAME, x, weight);
    requireReduction(NAME, reduction);
    if (x.rank !== 2 || weight.rank !== 2 || x.shape[1] !== weight.shape[1]) {
      throw new Error(
        `${NAME}: expected [rows, width] and [classes, width], got ${formatShape(x.shape)} and ${formatShape(weight.shape)}`,
      );
    }
    const [rows] = x.shape;
    if (labels.dtype !== "i32" || labels.rank !== 1 || labels.size !== rows) {
      throw new Error(
        `${NAME}: ${rows} rows need i32 labels of shape [${rows}], got ${labels.dtype}${formatShape(labels.shape)}`,
      );
    }
    return { shape: reduction === "none" ? [rows] : [], dtype: "f32" };
  },
  forward: ([x, weight, labels], { ignoreIndex, reduction }, wants) => {
    const inputs = { x, weight, labels, ignoreIndex };
    if (reduction === "none") {
      const { losses, state } = linearCrossEntropyForward(NAME, inputs, { x: false, weight: false });
      return [losses, state];
    }
    const want = { x: wants(0), weight: wants(1) };
    const place = want.weight ? gradientHome(weight)?.take() : undefined;
    const options = { isMean: reduction === "mean", place };
    const { losses, divisor, ...made } = linearCrossEntropyForward(NAME, inputs, want, options);
    const total = reshapeView(reduce(NAME, losses, REDUCTIONS.sum), []) as Tensor;
    const value = divisor ? binary(NAME, total, divisor, BINARY.div) : total;
    return [value, ...(divisor ? [divisor] : []), ...[made.x, made.weight].filter((t) => t !== undefined)];
  },
  save: (inputs, [, ...rest]) => [...inputs, ...rest],
  vjp: (g, [x, weight, labels, ...rest], { attributes, createGraph, retainGraph, wants }) => {
    const { ignoreIndex, reduction } = attributes;
    if (createGraph) {
      const logits = (): Tensor => matmul(x, transpose(weight));
      const arriving = reduction === "mean" ? div(g, rest[0]) : g;
      const slope = (): Tensor => plainGradient(arriving, [logits(), labels], { ignoreIndex, labelSmoothing: 0 });
      return [() => matmul(slope(), weight), () => matmul(transpose(slope()), x), null];
    }
    if (reduction === "none") {
      // The gradient of each loss is known only now: logits are computed again, once for both gradients.
      let both: LinearGradients | undefined;
      const compute = (): LinearGradients => {
        const want = { x: wants(0), weight: wants(1) };
        both ??= linearCrossEntropyBackward(`${NAME} backward`, g, { x, weight, labels, ignoreIndex }, rest[0], want);
        return both;
      };
      return [() => compute().x!, () => compute().weight!, null];
    }
    // Made in the forward pass. What arrives is a factor, and mostly 1.
    const made = reduction === "mean" ? rest.slice(1) : rest;
    const scaled = (gradient: Tensor): Tensor => {
      if (retainGraph) return mul(gradient, g);
      scaleInPlace(`${NAME} backward`, gradient, g);
      return gradient;
    };
    return [() => scaled(made[0]), () => scaled(made[wants(0) ? 1 : 0]), null];
  },
});

/**
 * Cross-entropy of the logits x · Wᵀ [rows, classes] with labels [rows], as `crossEntropy` without weights and
 * smoothing; the logits are never held as a whole.
 */
export function linearCrossEntropy(
  x: Tensor,
  weight: Tensor,
  labels: Tensor,
  { ignoreIndex = -100, reduction = "mean" }: Pick<CrossEntropyOptions, "ignoreIndex" | "reduction"> = {},
): Tensor {
  return linearCrossEntropyOp([x, weight, labels], { ignoreIndex, reduction });
}
