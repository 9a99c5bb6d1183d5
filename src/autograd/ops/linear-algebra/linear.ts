import { reshaped } from "../../../kernels/copy.ts";
import { output, requireFloat } from "../../../kernels/launch.ts";
import { ACTIVATION_NAMES, type Activation, matmulInto } from "../../../kernels/matmul.ts";
import { formatShape, requireTensors, type Tensor, tidy, transposeView } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import { isRecording, nodeOf } from "../../tape.ts";
import { sum } from "../broadcast.ts";
import { reluOp, sigmoidOp, siluOp, tanhOp } from "../elementwise/activation.ts";
import { geluOp } from "../elementwise/gaussian.ts";
import { reshape, transpose } from "../shape/views.ts";
import { like, matmul, rowShape } from "./matmul.ts";

export type { Activation } from "../../../kernels/matmul.ts";

/** A weight as GPT-2's Conv1D stores it, [in, out], or as torch.nn.Linear does, [out, in]. */
export type WeightLayout = "in-out" | "out-in";

const asInOut = (weight: Tensor, layout: WeightLayout): Tensor => (layout === "in-out" ? weight : transpose(weight));

interface ActivationParts {
  apply: (x: Tensor) => Tensor;
  /** From the gradient of the output, and the output or the input. */
  gradient: (g: Tensor, saved: Tensor, createGraph: boolean) => Tensor;
  /** Whether the gradient needs the output; the input of the activation otherwise. */
  fromOutput: boolean;
}

/** The parts of an op of one input whose vjp saves one tensor. */
function partsOf<A>(op: Op<A>, attributes: A, fromOutput = false): ActivationParts {
  return {
    apply: (x) => op([x], attributes),
    gradient: (g, saved, createGraph) => {
      const context = { attributes, inputs: [saved], createGraph, retainGraph: true, wants: () => true };
      return op.definition.vjp!(g, [saved], context)[0]!();
    },
    fromOutput,
  };
}

const ACTIVATIONS: Readonly<Record<Activation, ActivationParts>> = {
  relu: partsOf(reluOp, {}, true),
  gelu: partsOf(geluOp, { approximate: "none" as const }),
  "gelu-tanh": partsOf(geluOp, { approximate: "tanh" as const }),
  silu: partsOf(siluOp, {}),
  tanh: partsOf(tanhOp, {}, true),
  sigmoid: partsOf(sigmoidOp, {}, true),
};

export interface LinearAttributes {
  layout: WeightLayout;
  activation?: Activation;
}

/** y = activation(x · W + b) over the last axis of x [..., in]; the bias may be absent. One dispatch. */
export const linearOp = defineOp<LinearAttributes>({
  name: "linear",
  infer: ([x, weight, bias], { layout, activation }) => {
    requireFloat("linear", x, weight, ...(bias ? [bias] : []));
    if (activation !== undefined && !ACTIVATION_NAMES.includes(activation)) {
      throw new Error(`linear: expected an activation of ${ACTIVATION_NAMES.join(", ")}, got ${activation}`);
    }
    if (layout !== "in-out" && layout !== "out-in") {
      throw new Error(`linear: expected a layout of in-out or out-in, got ${layout}`);
    }
    if (weight.rank !== 2) throw new Error(`linear: expected a weight of rank 2, got ${formatShape(weight.shape)}`);
    const [input, outputs] = layout === "in-out" ? weight.shape : [weight.shape[1], weight.shape[0]];
    if (x.rank < 1 || x.shape[x.rank - 1] !== input) {
      throw new Error(
        `linear: input ${formatShape(x.shape)} does not fit weight ${formatShape(weight.shape)} (${layout})`,
      );
    }
    if (bias && (bias.rank !== 1 || bias.size !== outputs)) {
      throw new Error(`linear: expected a bias of shape [${outputs}], got ${formatShape(bias.shape)}`);
    }
    return { shape: [...x.shape.slice(0, -1), outputs], dtype: "f32" };
  },
  forward: ([x, weight, bias], { layout, activation }) => {
    const w = layout === "in-out" ? weight : transposeView(weight);
    const y = output("linear", x, [...x.shape.slice(0, -1), w.shape[1]], "f32");
    matmulInto("linear", reshaped(x, rowShape(x)), w, reshaped(y, rowShape(y)), { bias, activation });
    return y;
  },
  // The gradients of some activations are made from their output; for the others the product is computed again.
  save: ([x, weight, bias], [y], { activation }) => {
    if (activation === undefined) return [x, weight];
    if (ACTIVATIONS[activation].fromOutput) return [x, weight, y];
    return bias ? [x, weight, bias] : [x, weight];
  },
  vjp: (incoming, [x, weight, more], { inputs, attributes: { layout, activation }, createGraph }) => {
    let shared: Tensor | undefined;
    /** Of the product before the activation. */
    const gradient = (): Tensor => {
      if (activation === undefined) return incoming;
      const { gradient: slope, fromOutput } = ACTIVATIONS[activation];
      shared ??= slope(incoming, fromOutput ? more : linear(x, weight, more, layout), createGraph);
      return shared;
    };
    const rows = (t: Tensor): Tensor => reshape(t, rowShape(t));
    return [
      () => like(inputs[0], reshape(matmul(rows(gradient()), transpose(asInOut(weight, layout))), inputs[0].shape)),
      () => {
        const [left, right] = layout === "in-out" ? [x, gradient()] : [gradient(), x];
        return like(inputs[1], matmul(transpose(rows(left)), rows(right)));
      },
      inputs.length > 2 ? () => like(inputs[2], sum(rows(gradient()), 0)) : null,
    ];
  },
  samples: () => [
    { inputs: [{ shape: [2, 3, 8] }, { shape: [8, 5] }, { shape: [5] }], attributes: { layout: "in-out" } },
    { inputs: [{ shape: [65, 12] }, { shape: [4, 12] }, { shape: [4] }], attributes: { layout: "out-in" } },
    { inputs: [{ shape: [3, 7] }, { shape: [2, 7] }], attributes: { layout: "out-in" } },
    ...ACTIVATION_NAMES.map((activation, i) => ({
      inputs: [{ shape: [3, 5] }, { shape: [5, 4] }, ...(i % 2 === 0 ? [{ shape: [4], low: 0.1, high: 0.3 }] : [])],
      attributes: { layout: "in-out" as const, activation },
    })),
    { inputs: [{ shape: [2, 0] }, { shape: [0, 3] }, { shape: [3] }], attributes: { layout: "in-out" } },
  ],
});

export interface LinearOptions {
  /** How the weight is stored: `"in-out"` [in, out] by default, or `"out-in"` as in torch.nn.Linear. */
  layout?: WeightLayout;
  /** Applied to the result where it is computed. */
  activation?: Activation;
}

/**
 * activation(x · W + b) over the last axis of x [..., in], as one dispatch. When a gradient is wanted through `gelu`,
 * `gelu-tanh` or `silu`, whose slopes need the product itself, that is stored and the activation is a second dispatch,
 * with the same bits.
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options: LinearOptions | WeightLayout = {}): Tensor {
  const { layout = "in-out", activation } = typeof options === "string" ? { layout: options } : options;
  const inputs = bias ? [x, weight, bias] : [x, weight];
  requireTensors("linear", inputs);
  const parts = activation && ACTIVATIONS[activation];
  if (parts && !parts.fromOutput && isRecording() && inputs.some(nodeOf)) {
    return tidy(() => parts.apply(linearOp(inputs, { layout })));
  }
  return linearOp(inputs, { layout, activation });
}
