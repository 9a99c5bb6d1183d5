import { requireFloat32 } from "../../../kernels/launch.ts";
import {
  rowNormBackwardInput,
  rowNormBackwardWeight,
  rowNormForward,
} from "../../../kernels/normalization/row-norm.ts";
import { formatShape, type Shape, type Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import type { GradientTarget, GradientThunk } from "../../tape.ts";
import { sumTo } from "../broadcast.ts";
import { affine, mul, rsqrt, square, sub } from "../elementwise/index.ts";
import { mean } from "../reduction/index.ts";
import { type AffineAttributes, affineInputs, affineOf, affineThunks, requireShaped } from "./affine-inputs.ts";
import { once } from "./once.ts";
import { overTrailingAxes } from "./trailing-axes.ts";

export interface RowNormAttributes extends AffineAttributes {
  readonly epsilon: number;
}

/** Normalisation of the rows of the last axis, with their mean subtracted or not. */
/* @__NO_SIDE_EFFECTS__ */ const rowNormOp = (name: string, centered: boolean): Op<RowNormAttributes> =>
  defineOp<RowNormAttributes>({
    name,
    infer: (inputs, attributes) => {
      const [x] = inputs;
      requireFloat32(name, x);
      if (x.rank < 1) throw new Error(`${name}: no last axis to normalise in ${formatShape(x.shape)}`);
      requireShaped(name, x, x.shape.slice(-1), { ...affineOf(inputs, 1, attributes) });
      return x;
    },
    forward: (inputs, attributes) =>
      rowNormForward(name, inputs[0], { centered, ...affineOf(inputs, 1, attributes) }, attributes.epsilon),
    save: (inputs, [, statistics], { weight }) => [...inputs.slice(0, weight ? 2 : 1), statistics],
    vjp: (g, saved, { attributes, createGraph }) => {
      const [x] = saved;
      const weight = attributes.weight ? saved[1] : undefined;
      const statistics = saved[saved.length - 1];
      if (createGraph) return plainVjp(g, x, weight, centered, attributes);
      const op = `${name} backward`;
      const sums = once(() => rowNormBackwardWeight(op, g, x, statistics));
      return [
        // What came to x along a residual connection is there already: the gradient is added to it in the same pass.
        (target) => rowNormBackwardInput(op, g, x, { centered, weight }, statistics, sumAt(target)),
        ...affineThunks(
          attributes,
          () => sums()[0],
          () => sums()[1],
        ),
      ];
    },
  });

/** The place to add a gradient to, where something has arrived already. */
const sumAt = (target: GradientTarget | undefined): Tensor | undefined =>
  target?.accumulates ? target.take() : undefined;

/** The same gradients in differentiable ops. */
function plainVjp(
  g: Tensor,
  x: Tensor,
  weight: Tensor | undefined,
  centered: boolean,
  attributes: RowNormAttributes,
): GradientThunk[] {
  const centred = centered ? sub(x, mean(x, -1, true)) : x;
  const rstd = rsqrt(affine(mean(square(centred), -1, true), 1, attributes.epsilon));
  const normalized = mul(centred, rstd);
  const ofInput = (): Tensor => {
    const gw = weight ? mul(g, weight) : g;
    const removed = centered ? sub(gw, mean(gw, -1, true)) : gw;
    return mul(rstd, sub(removed, mul(normalized, mean(mul(gw, normalized), -1, true))));
  };
  const shape = x.shape.slice(-1);
  return [
    ofInput,
    ...affineThunks(
      attributes,
      () => sumTo(mul(g, normalized), shape),
      () => sumTo(g, shape),
    ),
  ];
}

/**
 * y = (x − mean) / √(variance + ε) · weight + bias over the last axis; inputs x, and weight and bias where the
 * attributes say so. The variance is the biased one, over the same axis.
 */
export const layerNormOp = rowNormOp("layerNorm", true);

/** y = x / √(mean x² + ε) · weight over the last axis; inputs x, and weight where the attributes say so. */
export const rmsNormOp = rowNormOp("rmsNorm", false);

/** What is added to the variance. */
export interface LayerNormOptions {
  /** Added to the variance. */
  epsilon?: number;
  /** Lengths of the trailing axes that are normalised together; those of the weight, or the last axis, by default. */
  normalizedShape?: Shape;
}

/**
 * Layer normalisation (arXiv:1607.06450): y = (x − mean) / √(variance + ε) · weight + bias, with mean and biased
 * variance over the trailing axes of x that have the normalised shape: `normalizedShape`, or the shape of weight or
 * bias, or the last axis.
 *
 * @throws when x does not end in that shape, or weight or bias do not have it.
 */
export function layerNorm(
  x: Tensor,
  weight?: Tensor | null,
  bias?: Tensor | null,
  options: LayerNormOptions | number = {},
): Tensor {
  const { epsilon = 1e-5, normalizedShape } = typeof options === "number" ? { epsilon: options } : options;
  return overTrailingAxes("layerNorm", x, normalizedShape, [weight, bias], (rows, vectors) => {
    const { inputs, attributes } = affineInputs(vectors[0], vectors[1]);
    return layerNormOp([rows, ...inputs], { ...attributes, epsilon });
  });
}

/**
 * Root mean square normalisation (arXiv:1910.07467): y = x / √(mean x² + ε) · weight over the trailing axes of x that
 * have the normalised shape: `normalizedShape`, or the shape of the weight, or the last axis.
 *
 * @throws when x does not end in that shape, or the weight does not have it.
 */
export function rmsNorm(x: Tensor, weight?: Tensor | null, options: LayerNormOptions = {}): Tensor {
  const { epsilon = 1e-6, normalizedShape } = options;
  return overTrailingAxes("rmsNorm", x, normalizedShape, [weight], (rows, vectors) => {
    const { inputs, attributes } = affineInputs(vectors[0]);
    return rmsNormOp([rows, ...inputs], { ...attributes, epsilon });
  });
}
