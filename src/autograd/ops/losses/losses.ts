import { requireFloat32 } from "../../../kernels/launch.ts";
import { broadcastShapes, formatShape, requireTensors, type Tensor, tidy } from "../../../tensor/index.ts";
import { sum } from "../broadcast.ts";
import { div, maximum, mul, rsqrt, square } from "../elementwise/index.ts";
import { absoluteErrorOp, binaryErrorOp, divergenceOp, huberErrorOp } from "./element-losses.ts";
import { type Reduction, reduceLosses, requireReduction } from "./reduction.ts";
import { squaredErrorOp } from "./squared-error.ts";

/** What becomes of the losses of the elements. */
export interface LossOptions {
  /** `mean` over all elements (default), `sum`, or `none` for the loss of each. */
  reduction?: Reduction;
}

/** Checks the operands of a loss under its own name. */
function requireOperands(op: string, operands: readonly Tensor[]): void {
  requireTensors(op, operands);
  requireFloat32(op, ...operands);
  operands.map(({ shape }) => shape).reduce((a, b) => broadcastShapes(op, a, b));
}

// Each loss is one dispatch over the elements and one or two for the reduction; gradients flow to predictions and
// targets, which broadcast to a common shape. Errors name the loss and both shapes.

/** Mean of (x − t)², as torch.nn.functional.mse_loss. */
export function meanSquaredError(x: Tensor, target: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor {
  requireOperands("meanSquaredError", [x, target]);
  return reduceLosses("meanSquaredError", () => squaredErrorOp([x, target], {}), reduction);
}

/** Mean of |x − t|, with gradient 0 where they are equal. */
export function l1Loss(x: Tensor, target: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor {
  requireOperands("l1Loss", [x, target]);
  return reduceLosses("l1Loss", () => absoluteErrorOp([x, target], {}), reduction);
}

/** Mean of ½(x − t)² where |x − t| < δ, else δ(|x − t| − ½δ) (Huber 1964); δ = 1 by default. */
export function huberLoss(
  x: Tensor,
  target: Tensor,
  { reduction = "mean", delta = 1 }: LossOptions & { delta?: number } = {},
): Tensor {
  if (!(delta > 0)) throw new Error(`huberLoss: expected a positive delta, got ${delta}`);
  requireOperands("huberLoss", [x, target]);
  return reduceLosses("huberLoss", () => huberErrorOp([x, target], { delta }), reduction);
}

/** Huber's loss over β: ½(x − t)² / β where |x − t| < β, else |x − t| − ½β; for β = 0 the l1 loss. */
export function smoothL1Loss(
  x: Tensor,
  target: Tensor,
  { reduction = "mean", beta = 1 }: LossOptions & { beta?: number } = {},
): Tensor {
  if (!(beta >= 0)) throw new Error(`smoothL1Loss: expected a beta of at least 0, got ${beta}`);
  if (beta === 0) return l1Loss(x, target, { reduction });
  requireOperands("smoothL1Loss", [x, target]);
  return tidy(() => {
    const losses = reduceLosses("smoothL1Loss", () => huberErrorOp([x, target], { delta: beta }), reduction);
    return beta === 1 ? losses : div(losses, beta);
  });
}

/** Weights of {@link binaryCrossEntropyWithLogits}. */
export interface BinaryCrossEntropyOptions extends LossOptions {
  /** Factor of each loss, broadcastable to the logits. The mean still divides by the number of elements. */
  weight?: Tensor;
  /** Factor of the positive part of each target, broadcastable to the logits: one for each class, for instance. */
  positiveWeight?: Tensor;
}

/**
 * Mean of −p t ln σ(x) − (1 − t) ln(1 − σ(x)) for logits x and targets t in 0 … 1, from the logits without overflow:
 * max(x, 0) − x t + ln(1 + e^−|x|) when the positive weight p is 1.
 */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  target: Tensor,
  { reduction = "mean", weight, positiveWeight }: BinaryCrossEntropyOptions = {},
): Tensor {
  const op = "binaryCrossEntropyWithLogits";
  const operands = positiveWeight ? [logits, target, positiveWeight] : [logits, target];
  requireOperands(op, weight ? [...operands, weight] : operands);
  const losses = (): Tensor => binaryErrorOp(operands, {});
  return reduceLosses(op, () => (weight ? mul(losses(), weight) : losses()), reduction);
}

/** What the target of {@link klDivergence} is, and what becomes of the elements. */
export interface DivergenceOptions {
  /** Whether the target is given by its logarithm. */
  logTarget?: boolean;
  /** `mean` over all elements (default, as in PyTorch), `batchmean` over the first axis, `sum` or `none`. */
  reduction?: Reduction | "batchmean";
}

/**
 * Kullback-Leibler divergence t (ln t − x) of a target t from a prediction given by its logarithm x, 0 where t is 0.
 * The divergence of whole distributions is the `sum`, or the `batchmean` for one in each row.
 */
export function klDivergence(
  logInput: Tensor,
  target: Tensor,
  { logTarget = false, reduction = "mean" }: DivergenceOptions = {},
): Tensor {
  requireReduction("klDivergence", reduction, ["mean", "batchmean", "sum", "none"]);
  requireOperands("klDivergence", [logInput, target]);
  const losses = (): Tensor => divergenceOp([logInput, target], { logTarget });
  if (reduction !== "batchmean") return reduceLosses("klDivergence", losses, reduction);
  const [batch] = broadcastShapes("klDivergence", logInput.shape, target.shape);
  if (batch === undefined) throw new Error("klDivergence: a scalar has no batch to take the mean over");
  return tidy(() => div(sum(losses()), batch));
}

/**
 * a · b / (max(‖a‖, ε) max(‖b‖, ε)) along one axis, the second by default; the axis is dropped. Shapes broadcast.
 */
export function cosineSimilarity(
  a: Tensor,
  b: Tensor,
  { axis = 1, epsilon = 1e-8 }: { axis?: number; epsilon?: number } = {},
): Tensor {
  requireOperands("cosineSimilarity", [a, b]);
  const rank = Math.max(a.rank, b.rank);
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new Error(
      `cosineSimilarity: axis ${axis} is out of range for ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    );
  }
  const along = axis < 0 ? axis : axis - rank; // counted from the last, as shapes are aligned
  const inverseNorm = (x: Tensor): Tensor => rsqrt(maximum(sum(square(x), along), epsilon * epsilon));
  return tidy(() => mul(mul(sum(mul(a, b), along), inverseNorm(a)), inverseNorm(b)));
}
