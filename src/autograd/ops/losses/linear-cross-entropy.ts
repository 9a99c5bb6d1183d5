import { requireFloat32 } from "../../../kernels/launch.ts";
import { linearCrossEntropyBackward, linearCrossEntropyForward } from "../../../kernels/losses/linear-cross-entropy.ts";
import { formatShape, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { expand } from "../broadcast.ts";
import { div } from "../elementwise/index.ts";
import { matmul } from "../linear-algebra/matmul.ts";
import { transpose } from "../shape/views.ts";
import { type CrossEntropyOptions, plainGradient } from "./cross-entropy.ts";
import { type Reduction, reduceTerms, requireReduction } from "./reduction.ts";

export interface LinearCrossEntropyAttributes {
  /** Rows with this label count nothing and get no gradient. */
  ignoreIndex: number;
  reduction: Reduction;
}

const NAME = "linearCrossEntropy";

/**
 * Cross-entropy of each row of the logits x · Wᵀ, x [rows, width], W [classes, width], without ever holding all
 * logits: the classes pass in windows, forward and backward.
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
  forward: ([x, weight, labels], { ignoreIndex, reduction }) => {
    const { state, terms } = linearCrossEntropyForward(NAME, x, weight, labels, ignoreIndex);
    const { value, divisor } = reduceTerms(NAME, terms, labels.shape, reduction);
    return divisor ? [value, state, divisor] : [value, state];
  },
  save: (inputs, [, ...rest]) => [...inputs, ...rest],
  vjp: (gradient, [x, weight, labels, state, divisor], { attributes, createGraph, wants }) => {
    const { ignoreIndex } = attributes;
    const g = divisor ? div(gradient, divisor) : gradient;
    if (createGraph) {
      const logits = (): Tensor => matmul(x, transpose(weight));
      const slope = (): Tensor => plainGradient(g, [logits(), labels], { ignoreIndex, labelSmoothing: 0 });
      return [() => matmul(slope(), weight), () => matmul(transpose(slope()), x), null];
    }
    // One pass over the vocabulary gives both gradients.
    let both: { x?: Tensor; weight?: Tensor } | undefined;
    const compute = (): { x?: Tensor; weight?: Tensor } => {
      const want = { x: wants(0), weight: wants(1) };
      const ofRows = g.rank === 0 ? expand(g, labels.shape) : g;
      both ??= linearCrossEntropyBackward(`${NAME} backward`, ofRows, x, weight, labels, state, ignoreIndex, want);
      return both;
    };
    return [() => compute().x!, () => compute().weight!, null];
  },
  samples: () => [
    {
      inputs: [{ shape: [5, 8] }, { shape: [11, 8] }, { shape: [5], dtype: "i32", low: 0, high: 11 }],
      attributes: { ignoreIndex: -100, reduction: "mean" },
    },
    {
      inputs: [{ shape: [9, 5] }, { shape: [130, 5] }, { shape: [9], dtype: "i32", low: 0, high: 4 }],
      attributes: { ignoreIndex: 2, reduction: "none" },
    },
  ],
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
