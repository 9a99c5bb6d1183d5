import { reshaped } from "../../../kernels/copy.ts";
import { castTo } from "../../../kernels/elementwise/elementwise.ts";
import { output, requireFloat } from "../../../kernels/launch.ts";
import { ACTIVATION_NAMES, type Activation, matmulInto } from "../../../kernels/matmul/matmul.ts";
import { reduce } from "../../../kernels/reduction/reduce.ts";
import * as REDUCTIONS from "../../../kernels/reduction/reduction-functions.ts";
import {
  formatShape,
  requireTensors,
  type Shape,
  shapesEqual,
  sizeOf,
  type Tensor,
  tidy,
  transposeView,
} from "../../../tensor/index.ts";
import { defineOp, type Op, type Spec } from "../../define-op.ts";
import type { GradientThunk } from "../../tape.ts";
import { sum } from "../broadcast.ts";
import { reluOp, sigmoidOp, siluOp, tanhOp } from "../elementwise/activation.ts";
import { geluOp } from "../elementwise/gaussian.ts";
import { add } from "../elementwise/index.ts";
import { reshape, transpose } from "../shape/views.ts";
import { like, matmul, rowShape } from "./matmul.ts";

export type { Activation } from "../../../kernels/matmul/matmul.ts";

/** A weight as GPT-2's Conv1D stores it, [in, out], or as torch.nn.Linear does, [out, in]. */
export type WeightLayout = "in-out" | "out-in";

interface ActivationParts {
  apply: (x: Tensor) => Tensor;
  /** The same without history. */
  run: (x: Tensor) => Tensor;
  /** From the gradient of the output, and the output or the input. */
  gradient: (g: Tensor, saved: Tensor, createGraph: boolean) => Tensor;
  /** Whether the gradient needs the output; the input of the activation otherwise. */
  fromOutput: boolean;
}

/** The parts of an op of one input whose vjp saves one tensor. */
/* @__NO_SIDE_EFFECTS__ */ function partsOf<A>(op: Op<A>, attributes: A, fromOutput = false): ActivationParts {
  return {
    apply: (x) => op([x], attributes),
    run: (x) => op.definition.forward([x], attributes, () => false) as Tensor,
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
  /** Not with a residual. */
  activation?: Activation;
  /** Whether the last input is added to the result. */
  residual?: boolean;
}

/** The inputs by name: x, weight, and those of bias and residual that there are. */
function inputsOf<T>(
  inputs: readonly T[],
  { residual }: LinearAttributes,
): { x: T; weight: T; bias?: T; residual?: T } {
  const [x, weight, ...rest] = inputs;
  const added = residual ? rest.pop() : undefined;
  return { x, weight, bias: rest[0], residual: added };
}

/**
 * Tensors of one shape in one storage, so that a kernel with one output binding fills both; undefined where they would
 * not fit into a binding.
 */
function twins(x: Tensor, shape: Shape): [Tensor, Tensor] | undefined {
  const distance = Math.ceil(sizeOf(shape) / 64) * 64;
  // Buffers are larger than what is asked for by an eighth at most.
  if (2 * 4 * distance * 1.125 > x.gpu.limits.maxStorageBufferBindingSize) return undefined;
  const both = output("linear", x, [2 * distance], "f32");
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  return [both.view(shape, strides), both.view(shape, strides, distance)];
}

/** y = activation(x · W + b) over the last axis of x [..., in], or x · W + b + residual; the bias may be absent. */
export const linearOp = defineOp<LinearAttributes>({
  name: "linear",
  infer: (inputs, attributes) => {
    const { layout, activation } = attributes;
    const { x, weight, bias, residual } = inputsOf(inputs, attributes);
    requireFloat("linear", ...inputs);
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
    const shape = [...x.shape.slice(0, -1), outputs];
    if (residual && !shapesEqual(residual.shape, shape)) {
      throw new Error(`linear: expected a residual of shape ${formatShape(shape)}, got ${formatShape(residual.shape)}`);
    }
    return { shape, dtype: "f32" };
  },
  forward: (inputs, attributes, wants) => {
    const { layout, activation } = attributes;
    const { x, weight, bias, residual } = inputsOf(inputs, attributes);
    const w = layout === "in-out" ? weight : transposeView(weight);
    const shape = [...x.shape.slice(0, -1), w.shape[1]];
    const multiply = (y: Tensor, options: { activation?: Activation; keepDistance?: number }): void => {
      const single = residual && (residual.dtype === "f32" ? residual : castTo(residual, "f32"));
      const rows = single && reshaped(single, rowShape(single));
      matmulInto("linear", reshaped(x, rowShape(x)), w, reshaped(y, rowShape(y)), { bias, residual: rows, ...options });
    };
    const needsProduct = activation && !ACTIVATIONS[activation].fromOutput && inputs.some((_, i) => wants(i));
    if (!needsProduct) {
      const y = output("linear", x, shape, "f32");
      multiply(y, { activation });
      return y;
    }
    const both = twins(x, shape);
    if (both) {
      multiply(both[0], { activation, keepDistance: both[1].offset - both[0].offset });
      return both;
    }
    const product = output("linear", x, shape, "f32");
    multiply(product, {});
    return [ACTIVATIONS[activation].run(product), product];
  },
  // The gradients of some activations are made from their output; for the others the product is kept.
  save: (inputs, [y, product], attributes) => {
    const { x, weight, bias } = inputsOf(inputs, attributes);
    if (attributes.activation === undefined) return [x, weight];
    if (ACTIVATIONS[attributes.activation].fromOutput) return [x, weight, y];
    return [x, weight, product, ...(bias ? [bias] : [])];
  },
  vjp: (incoming, [x, weight, kept, bias], { inputs, attributes, createGraph }) => {
    const { layout, activation } = attributes;
    let shared: Tensor | undefined;
    /** Of the product before the activation. */
    const gradient = (): Tensor => {
      if (activation === undefined) return incoming;
      const { gradient: slope, fromOutput } = ACTIVATIONS[activation];
      const isFunction = createGraph && !fromOutput;
      shared ??= slope(incoming, isFunction ? linear(x, weight, bias, layout) : kept, createGraph);
      return shared;
    };
    const rows = (t: Tensor): Tensor => reshape(t, rowShape(t));
    const named = inputsOf(inputs, attributes);
    const sumOf =
      (bias: Spec): GradientThunk =>
      (target) => {
        const place = bias.dtype === "f32" && !target?.accumulates ? target?.take() : undefined;
        if (!place) return like(bias, sum(rows(gradient()), 0));
        reduce("linear backward", rows(gradient()), REDUCTIONS.sum, [0], { into: place });
        return place;
      };
    return [
      (target) => {
        // What came to x from other layers is added to where it lies.
        const place = inputs[0].dtype === "f32" && target?.accumulates ? target.take() : undefined;
        const w = layout === "in-out" ? transpose(weight) : weight;
        if (!place) return like(inputs[0], reshape(matmul(rows(gradient()), w), inputs[0].shape));
        matmulInto("linear backward", rows(gradient()), w, reshaped(place, rowShape(place)), { accumulate: true });
        return place;
      },
      (target) => {
        const [left, right] = layout === "in-out" ? [x, gradient()] : [gradient(), x];
        const place = inputs[1].dtype === "f32" ? target?.take() : undefined;
        if (!place) return like(inputs[1], matmul(transpose(rows(left)), rows(right)));
        const accumulate = target!.accumulates;
        matmulInto("linear backward", transposeView(rows(left)), rows(right), place, { accumulate });
        return place;
      },
      ...(named.bias ? [sumOf(named.bias)] : []),
      ...(named.residual ? [() => like(named.residual!, incoming)] : []),
    ];
  },
});

/** What a product with a weight ends in. */
export interface LinearOptions {
  /** How the weight is stored: `"in-out"` [in, out] by default, or `"out-in"` as in torch.nn.Linear. */
  layout?: WeightLayout;
  /** Applied to the result where it is computed. */
  activation?: Activation;
  /** Added to the result where it is computed; of its shape. */
  residual?: Tensor;
}

/**
 * activation(x · W + b) + residual over the last axis of x [..., in], as one dispatch, with the bits of its parts; with
 * both an activation and a residual it takes two. When a gradient is wanted through `gelu`, `gelu-tanh` or `silu`, whose
 * slopes need the product itself, that is stored beside the result.
 *
 * @throws when shapes or types do not fit, by name.
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options: LinearOptions | WeightLayout = {}): Tensor {
  const own: LinearOptions = typeof options === "string" ? { layout: options } : options;
  const { layout = "in-out", activation, residual } = own;
  const inputs = [x, weight, ...(bias ? [bias] : [])];
  requireTensors("linear", residual ? [...inputs, residual] : inputs);
  if (!residual) return linearOp(inputs, { layout, activation });
  if (!activation) return linearOp([...inputs, residual], { layout, residual: true });
  return tidy(() => add(residual, linearOp(inputs, { layout, activation })));
}

/** An activation by its name. */
export const activate = (x: Tensor, activation: Activation): Tensor => ACTIVATIONS[activation].apply(x);
