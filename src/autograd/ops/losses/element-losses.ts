import { requireFloat32 } from "../../../kernels/launch.ts";
import { elementLoss } from "../../../kernels/losses/element-loss.ts";
import * as LOSSES from "../../../kernels/losses/loss-functions.ts";
import { broadcastShapes, type Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import { sumTo } from "../broadcast.ts";
import { abs, add, clamp, exp, log, log1p, maximum, mul, neg, sigmoid, sign, sub } from "../elementwise/index.ts";

// Losses of a prediction x and a target t, element by element. Each is one dispatch, and so is each of its gradients.

interface SlopeContext<A> {
  g: Tensor;
  x: Tensor;
  t: Tensor;
  /** Factor of positive targets, where there is one. */
  p: Tensor | undefined;
  attributes: A;
}

interface Slope<A> {
  /** The kernel, and whether prediction and target change places in it. */
  kernel: (attributes: A) => LOSSES.LossFunction;
  isSwapped?: boolean;
  /** The same in differentiable ops. */
  plain: (context: SlopeContext<A>) => Tensor;
}

interface LossInit<A> {
  name: string;
  kernel: (attributes: A) => LOSSES.LossFunction;
  number?: (attributes: A) => number;
  /** By the prediction, the target, and the weight of positive targets. */
  slopes: readonly Slope<A>[];
}

/* @__NO_SIDE_EFFECTS__ */ function defineLoss<A>({ name, kernel, number, slopes }: LossInit<A>): Op<A> {
  return defineOp<A>({
    name,
    infer: (inputs) => {
      requireFloat32(name, ...inputs);
      return { shape: inputs.map(({ shape }) => shape).reduce((a, b) => broadcastShapes(name, a, b)), dtype: "f32" };
    },
    forward: ([x, target, positiveWeight], attributes) =>
      elementLoss(name, kernel(attributes), { x, target, positiveWeight, number: number?.(attributes) }),
    save: (inputs) => inputs,
    vjp: (g, [x, t, p], { attributes, createGraph, inputs }) =>
      inputs.map(({ shape }, i) => () => {
        const slope = slopes[i];
        if (createGraph) return sumTo(slope.plain({ g, x, t, p, attributes }), shape);
        const [first, second] = slope.isSwapped ? [t, x] : [x, t];
        const operands = { g, x: first, target: second, positiveWeight: p, number: number?.(attributes) };
        return sumTo(elementLoss(`${name} backward`, slope.kernel(attributes), operands), shape);
      }),
  });
}

/** A loss of the difference alone has one slope for both operands. */
/* @__NO_SIDE_EFFECTS__ */ function differenceSlopes<A>(
  kernel: LOSSES.LossFunction,
  plain: (d: Tensor, attributes: A) => Tensor,
): Slope<A>[] {
  return [
    { kernel: () => kernel, plain: ({ g, x, t, attributes }) => mul(g, plain(sub(x, t), attributes)) },
    { kernel: () => kernel, isSwapped: true, plain: ({ g, x, t, attributes }) => mul(g, plain(sub(t, x), attributes)) },
  ];
}

type NoAttributes = Record<string, never>;

/** |x − t|; the slope at 0 is 0. */
export const absoluteErrorOp = defineLoss<NoAttributes>({
  name: "absoluteError",
  kernel: () => LOSSES.absolute,
  slopes: differenceSlopes(LOSSES.absoluteSlope, sign),
});

/** ½(x − t)² where |x − t| < δ, else δ(|x − t| − ½δ). */
export const huberErrorOp = defineLoss<{ delta: number }>({
  name: "huberError",
  kernel: () => LOSSES.huber,
  number: ({ delta }) => delta,
  slopes: differenceSlopes(LOSSES.huberSlope, (d, { delta }) => clamp(d, -delta, delta)),
});

/** ln(1 + e^−x). */
const softplusOfMinus = (x: Tensor): Tensor => add(log1p(exp(neg(abs(x)))), maximum(neg(x), 0));
/** p − 1, or nothing where p is not given. */
const extra = (p: Tensor | undefined, y: Tensor): Tensor | null => (p ? mul(sub(p, 1), y) : null);

/** max(x, 0) − x t + (1 + (p − 1) t) ln(1 + e^−|x|) + (p − 1) t max(−x, 0), p = 1 without a third input. */
export const binaryErrorOp = defineLoss<NoAttributes>({
  name: "binaryError",
  kernel: () => LOSSES.binary,
  slopes: [
    {
      kernel: () => LOSSES.binarySlope,
      plain: ({ g, x, t, p }) => {
        const positive = mul(t, sigmoid(neg(x)));
        return mul(g, sub(mul(sub(1, t), sigmoid(x)), p ? mul(p, positive) : positive));
      },
    },
    {
      kernel: () => LOSSES.binaryTargetSlope,
      plain: ({ g, x, p }) => {
        const more = extra(p, softplusOfMinus(x));
        return mul(g, more ? sub(more, x) : neg(x));
      },
    },
    { kernel: () => LOSSES.binaryWeightSlope, plain: ({ g, x, t }) => mul(g, mul(t, softplusOfMinus(x))) },
  ],
});

export interface DivergenceAttributes {
  /** Whether the target is given by its logarithm. */
  logTarget: boolean;
}

/** t (ln t − x), 0 where t is 0; eᵗ (t − x) for a target given by its logarithm. */
export const divergenceOp = defineLoss<DivergenceAttributes>({
  name: "divergence",
  kernel: ({ logTarget }) => (logTarget ? LOSSES.logDivergence : LOSSES.divergence),
  slopes: [
    {
      kernel: ({ logTarget }) => (logTarget ? LOSSES.logDivergenceSlope : LOSSES.divergenceSlope),
      plain: ({ g, t, attributes }) => neg(mul(g, attributes.logTarget ? exp(t) : t)),
    },
    {
      kernel: ({ logTarget }) => (logTarget ? LOSSES.logDivergenceTargetSlope : LOSSES.divergenceTargetSlope),
      plain: ({ g, x, t, attributes }) =>
        attributes.logTarget ? mul(g, mul(exp(t), add(sub(t, x), 1))) : mul(g, sub(add(log(t), 1), x)),
    },
  ],
});
