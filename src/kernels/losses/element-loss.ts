import elementLossSource from "../../../shaders/losses/element-loss.wgsl";
import { defineKernel } from "../../gpu/index.ts";
import { broadcastShapes, expandView, type Tensor } from "../../tensor/index.ts";
import { gridOf, launch, output } from "../launch.ts";
import { including, LIBRARY, type LibraryName } from "../library.ts";
import { mergeAxes, twoVectors } from "../strided.ts";
import { forParts } from "../windows.ts";

interface LossFunction {
  readonly apply: string;
  readonly uses: readonly LibraryName[];
}

/* @__NO_SIDE_EFFECTS__ */ const plain = (apply: string): LossFunction => ({ apply, uses: ["float"] });
/* @__NO_SIDE_EFFECTS__ */ const transcendental = (apply: string): LossFunction => ({
  apply,
  uses: ["float", "exponential", "logarithm"],
});

/** ln(1 + e^−x), without overflow. */
const SOFTPLUS_OF_MINUS = "logarithmOfOnePlus(exponential(-absolute(x))) + larger(-x, vec4(0.0))";

/**
 * Losses of a prediction `x` and a target `t`, and their slopes by one of them times `g`; `p` weighs positive targets.
 * The slopes of what depends on x − t alone serve both, with the operands exchanged.
 */
const LOSSES = {
  squared: plain("let d = x - t; return d * d;"),
  squaredSlope: plain("return g * (2.0 * (x - t));"),
  absolute: plain("return absolute(x - t);"),
  absoluteSlope: plain(
    "let d = x - t; let s = select(copySign(vec4(1.0), d), vec4(0.0), magnitudeBits(d) == vec4(0u)); return g * select(s, d, isNotANumber(d));",
  ),
  huber: plain("let d = absolute(x - t); return select(number() * (d - 0.5 * number()), 0.5 * d * d, d < number());"),
  huberSlope: plain("return g * smaller(larger(x - t, -number()), number());"),
  // For infinite logits the products are those that PyTorch takes, whose infinities cancel elsewhere.
  binary: transcendental(
    "let w = 1.0 + (p - 1.0) * t; let even = w * logarithmOfOnePlus(exponential(-absolute(x))); let low = larger(-x, vec4(0.0)); let y = larger(x, vec4(0.0)) - x * t + even + (p - 1.0) * t * low; return select(y, (1.0 - t) * x + w * low, isInfinite(x));",
  ),
  binarySlope: transcendental("return g * ((1.0 - t) * sigmoid(x) - p * t * sigmoid(-x));"),
  binaryTargetSlope: transcendental(`return g * ((p - 1.0) * (${SOFTPLUS_OF_MINUS}) - x);`),
  binaryWeightSlope: transcendental(`return g * t * (${SOFTPLUS_OF_MINUS});`),
  divergence: transcendental("return select(t * (logarithm(t) - x), -(t * x), magnitudeBits(t) == vec4(0u));"),
  divergenceSlope: plain("return -(g * t);"),
  divergenceTargetSlope: transcendental("return g * (logarithm(t) + 1.0 - x);"),
  logDivergence: transcendental("return exponential(t) * (t - x);"),
  logDivergenceSlope: transcendental("return -(g * exponential(t));"),
  logDivergenceTargetSlope: transcendental("return g * (exponential(t) * (t - x + 1.0));"),
} as const satisfies Record<string, LossFunction>;

export type LossName = keyof typeof LOSSES;

const specialization = ({ apply, uses }: LossFunction): Record<string, string> => ({ apply, ...including(...uses) });

const elementLossKernel = defineKernel({
  name: "element-loss",
  source: elementLossSource,
  library: LIBRARY,
  bindings: { g: "read", x: "read", t: "read", p: "read", y: "read_write" },
  params: {
    shape0: "vec4<u32>",
    shape1: "vec4<u32>",
    gStrides0: "vec4<u32>",
    gStrides1: "vec4<u32>",
    xStrides0: "vec4<u32>",
    xStrides1: "vec4<u32>",
    tStrides0: "vec4<u32>",
    tStrides1: "vec4<u32>",
    pStrides0: "vec4<u32>",
    pStrides1: "vec4<u32>",
    yStrides0: "vec4<u32>",
    yStrides1: "vec4<u32>",
    count: "u32",
    rank: "u32",
    gOffset: "u32",
    xOffset: "u32",
    tOffset: "u32",
    pOffset: "u32",
    yOffset: "u32",
    hasPositiveWeight: "u32",
    number: "f32",
  },
  variants: () => Object.values(LOSSES).map(specialization),
});

export interface LossOperands {
  x: Tensor;
  target: Tensor;
  /** Factor of positive targets. */
  positiveWeight?: Tensor;
  /** The gradient that arrives, for slopes. */
  g?: Tensor;
  /** A number of the loss: where huber turns linear. */
  number?: number;
}

/** Applies a function of a prediction and a target, element by element; operands broadcast to a common shape. */
export function elementLoss(op: string, name: LossName, operands: LossOperands): Tensor {
  const { x, target, positiveWeight, g, number = 0 } = operands;
  const given = [g ?? x, x, target, positiveWeight ?? x];
  const shape = given.map((operand) => operand.shape).reduce((a, b) => broadcastShapes(op, a, b));
  const y = output(op, x, shape);
  if (y.size === 0) return y;
  const variant = elementLossKernel.variant(specialization(LOSSES[name]));
  const views = given.map((operand) => expandView(operand, shape));
  forParts(op, [...views, y], (parts) => {
    const merged = mergeAxes(
      op,
      parts[4].shape,
      parts.map((part) => part.strides),
    );
    launch(
      op,
      variant,
      parts,
      {
        ...twoVectors("shape", merged.shape),
        ...twoVectors("gStrides", merged.strides[0]),
        ...twoVectors("xStrides", merged.strides[1]),
        ...twoVectors("tStrides", merged.strides[2]),
        ...twoVectors("pStrides", merged.strides[3]),
        ...twoVectors("yStrides", merged.strides[4]),
        count: parts[4].size,
        rank: merged.shape.length,
        hasPositiveWeight: positiveWeight ? 1 : 0,
        number,
      },
      gridOf(parts[4].size),
    );
  });
  for (const view of views) view.dispose();
  return y;
}
