import { EXPONENTIAL, EXTREMA, FLOAT, type LibraryFile, LOGARITHM, LOGARITHM_OF_ONE_PLUS } from "../library.ts";

/** A function of a prediction `x` and a target `t`: the body of the shader's `apply`. */
export interface LossFunction {
  readonly apply: string;
  /** Library files whose functions the body calls. */
  readonly uses: readonly LibraryFile[];
}

/* @__NO_SIDE_EFFECTS__ */ const plain = (apply: string, ...others: LibraryFile[]): LossFunction => ({
  apply,
  uses: [FLOAT, ...others],
});
/* @__NO_SIDE_EFFECTS__ */ const transcendental = (apply: string, ...others: LibraryFile[]): LossFunction => ({
  apply,
  uses: [FLOAT, EXPONENTIAL, LOGARITHM, ...others],
});

/** ln(1 + e^−x), without overflow. */
const SOFTPLUS_OF_MINUS = "logarithmOfOnePlus(exponential(-absolute(x))) + larger(-x, vec4(0.0))";

// Losses of a prediction `x` and a target `t`, and their slopes by one of them times `g`; `p` weighs positive targets. The
// slopes of what depends on x − t alone serve both, with the operands exchanged. Each is an export of its own, so that
// bundlers leave out those that a program does not use.

export const absolute = plain("return absolute(x - t);");
export const absoluteSlope = plain(
  "let d = x - t; let s = select(copySign(vec4(1.0), d), vec4(0.0), magnitudeBits(d) == vec4(0u)); return g * select(s, d, isNotANumber(d));",
);
export const huber = plain(
  "let d = absolute(x - t); return select(number() * (d - 0.5 * number()), 0.5 * d * d, d < number());",
);
export const huberSlope = plain("return g * smaller(larger(x - t, -number()), number());", EXTREMA);
// For infinite logits the products are those that PyTorch takes, whose infinities cancel elsewhere.
export const binary = transcendental(
  "let w = 1.0 + (p - 1.0) * t; let even = w * logarithmOfOnePlus(exponential(-absolute(x))); let low = larger(-x, vec4(0.0)); let y = larger(x, vec4(0.0)) - x * t + even + (p - 1.0) * t * low; return select(y, (1.0 - t) * x + w * low, isInfinite(x));",
  EXTREMA,
  LOGARITHM_OF_ONE_PLUS,
);
export const binarySlope = transcendental("return g * ((1.0 - t) * sigmoid(x) - p * t * sigmoid(-x));");
export const binaryTargetSlope = transcendental(
  `return g * ((p - 1.0) * (${SOFTPLUS_OF_MINUS}) - x);`,
  EXTREMA,
  LOGARITHM_OF_ONE_PLUS,
);
export const binaryWeightSlope = transcendental(
  `return g * t * (${SOFTPLUS_OF_MINUS});`,
  EXTREMA,
  LOGARITHM_OF_ONE_PLUS,
);
export const divergence = transcendental(
  "return select(t * (logarithm(t) - x), -(t * x), magnitudeBits(t) == vec4(0u));",
);
export const divergenceSlope = plain("return -(g * t);");
export const divergenceTargetSlope = transcendental("return g * (logarithm(t) + 1.0 - x);");
export const logDivergence = transcendental("return exponential(t) * (t - x);");
export const logDivergenceSlope = transcendental("return -(g * exponential(t));");
export const logDivergenceTargetSlope = transcendental("return g * (exponential(t) * (t - x + 1.0));");
