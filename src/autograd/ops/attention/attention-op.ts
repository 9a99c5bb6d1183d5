import { attentionBackward } from "../../../kernels/attention/backward.ts";
import { attentionForward } from "../../../kernels/attention/forward.ts";
import { output, requireFloat32 } from "../../../kernels/launch.ts";
import {
  broadcastShapes,
  contiguousStrides,
  formatShape,
  type Shape,
  shapesEqual,
  sizeOf,
  type Tensor,
} from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { sumTo } from "../broadcast.ts";
import { once } from "../normalization/once.ts";
import { reshape } from "../shape/views.ts";
import { headsFor, NAME, scoresShape } from "./heads.ts";
import { type AttentionAttributes, masksOf, plainAttention } from "./plain.ts";

const shapeOf = ([query, key, value]: readonly Tensor[]): Shape => [
  ...scoresShape(query, key, value).slice(0, -1),
  value.shape[value.rank - 1],
];

function kernelInputs(inputs: readonly Tensor[], attributes: AttentionAttributes) {
  const [query, key, value] = inputs;
  const { mask, bias } = masksOf(inputs);
  const heads = headsFor(query, key, value);
  return {
    ...heads,
    ...attributes,
    mask: mask && heads.groupedMask(mask),
    bias: bias && heads.groupedMask(bias),
  };
}

/** Gradients of key and value [...batch, 1, K, width], in one storage as the kernel writes them. */
function keyAndValueGradients(like: Tensor, batch: Shape, keys: number, widths: readonly [number, number]) {
  const front = [...batch.slice(0, -1), 1, keys];
  const rows = sizeOf(front);
  const { maxStorageBufferBindingSize: limit } = like.gpu.limits;
  const shapes = widths.map((width) => [...front, width]);
  // One behind the other; row by row where they do not fit into a binding and windows of rows have to.
  const isWhole = 4 * rows * (widths[0] + widths[1] + 64) <= limit;
  if (isWhole) {
    const place = Math.ceil((rows * widths[0]) / 64) * 64;
    const both = output(`${NAME} backward`, like, [place + rows * widths[1]]);
    return shapes.map((shape, i) => both.view(shape, contiguousStrides(shape), i * place));
  }
  const both = output(`${NAME} backward`, like, [...front, widths[0] + widths[1]]);
  return shapes.map((shape, i) => both.view(shape, both.strides, i * widths[0]));
}

/**
 * softmax(scale · Q Kᵀ + bias) V for queries [..., heads, Q, width], keys [..., heads, K, width] and values
 * [..., heads, K, value width]; keys and values may have fewer heads. Of further inputs, which broadcast to the scores
 * [..., heads, Q, K], one of an integer type or bool hides keys where it is 0, and a float one is added. One kernel, and
 * no scores in memory (arXiv:2205.14135), but where a bias wants its gradient, which is made of those of all scores.
 */
export const attentionOp = defineOp<AttentionAttributes>({
  name: NAME,
  infer: (inputs, { reach }) => {
    const [query, key, value] = inputs;
    requireFloat32(NAME, query, key, value);
    const scores = scoresShape(query, key, value);
    if (reach !== undefined && !(Number.isInteger(reach) && reach >= 0)) {
      throw new Error(`${NAME}: the first query sees ${reach} keys, expected a number from 0`);
    }
    for (const [name, x] of Object.entries(masksOf(inputs))) {
      if (!x) continue;
      if (name === "bias") requireFloat32(NAME, x);
      if (!shapesEqual(broadcastShapes(NAME, x.shape, scores), scores)) {
        throw new Error(
          `${NAME}: ${name} ${formatShape(x.shape)} does not broadcast to the scores ${formatShape(scores)}`,
        );
      }
    }
    return { shape: shapeOf(inputs), dtype: "f32" };
  },
  forward: (inputs, attributes) => {
    const own = kernelInputs(inputs, attributes);
    const y = output(NAME, inputs[0], shapeOf(inputs));
    return [y, attentionForward(NAME, own, own.grouped(y))];
  },
  save: (inputs, [y, statistics]) => [...inputs, y, statistics],
  vjp: (g, saved, { attributes, createGraph, inputs, wants }) => {
    const own = saved.slice(0, inputs.length);
    const [query, key] = own;
    const [y, statistics] = saved.slice(inputs.length);
    const plain = once(() => plainAttention(own, attributes).gradients(g));
    const fused = once(() => {
      const call = kernelInputs(own, attributes);
      const dQuery = wants(0)
        ? output(`${NAME} backward`, query, [...shapeOf(own).slice(0, -1), query.shape[query.rank - 1]])
        : undefined;
      const widths = [call.key.shape[call.key.rank - 1], call.value.shape[call.value.rank - 1]] as const;
      const others =
        wants(1) || wants(2) ? keyAndValueGradients(key, call.batch, key.shape[key.rank - 2], widths) : undefined;
      attentionBackward(`${NAME} backward`, call, {
        ...{ y: call.grouped(y), g: call.grouped(g), statistics },
        dQuery: dQuery && call.grouped(dQuery),
        dKeyAndValue: others && [others[0], others[1]],
      });
      return [dQuery, ...(others ?? [])];
    });
    const ofKeys = (gradient: Tensor, shape: Shape): Tensor => {
      const ungrouped = reshape(gradient, [...gradient.shape.slice(0, -3), ...gradient.shape.slice(-2)]);
      return sumTo(
        ungrouped.rank > shape.length && sizeOf(shape) === ungrouped.size ? reshape(ungrouped, shape) : ungrouped,
        shape,
      );
    };
    return inputs.map(({ shape, dtype }, i) => {
      if (i > 2) return dtype === "f32" ? () => sumTo(plain()[3](), shape) : null;
      if (createGraph) return () => plain()[i]();
      return () => (i === 0 ? sumTo(fused()[0]!, shape) : ofKeys(fused()[i]!, shape));
    });
  },
});
