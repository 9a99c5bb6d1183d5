import { output, requireFloat } from "../../kernels/launch.ts";
import { matmulInto } from "../../kernels/matmul.ts";
import { broadcastShapes, formatShape, type Shape, type Tensor } from "../../tensor/index.ts";
import { defineOp, type Spec } from "../define-op.ts";
import { sum, sumTo } from "./broadcast.ts";
import { reshape, transpose } from "./shape.ts";
import { cast } from "./unary.ts";

const matrixRank = (op: string, x: Tensor): void => {
  if (x.rank < 2) throw new Error(`${op}: expected a matrix or a batch of them, got ${formatShape(x.shape)}`);
};

function inferMatmul(op: string, a: Tensor, b: Tensor): number[] {
  requireFloat(op, a, b);
  matrixRank(op, a);
  matrixRank(op, b);
  const [m, k] = a.shape.slice(-2);
  const [k2, n] = b.shape.slice(-2);
  if (k !== k2)
    throw new Error(
      `${op}: inner lengths of ${formatShape(a.shape)} and ${formatShape(b.shape)} differ (${k} and ${k2})`,
    );
  return [...broadcastShapes(op, a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n];
}

/** Products are f32; the gradient of an f16 operand is f16 again. */
const like = ({ dtype }: Spec, gradient: Tensor): Tensor =>
  gradient.dtype === dtype ? gradient : cast(gradient, dtype);

/** y = scale · a · b for matrices [..., M, K] and [..., K, N]; batch axes broadcast. Transposed views are read in place. */
export const matmulOp = defineOp<{ scale: number }>({
  name: "matmul",
  infer: ([a, b]) => ({ shape: inferMatmul("matmul", a, b), dtype: "f32" }),
  forward: ([a, b], { scale }) => {
    const y = output("matmul", a, inferMatmul("matmul", a, b), "f32");
    matmulInto("matmul", a, b, y, { scale });
    return y;
  },
  save: ([a, b]) => [a, b],
  vjp: (g, [a, b], { inputs, attributes: { scale } }) => [
    () => like(inputs[0], sumTo(matmul(g, transpose(b), scale), inputs[0].shape)),
    () => like(inputs[1], sumTo(matmul(transpose(a), g, scale), inputs[1].shape)),
  ],
  samples: () =>
    (
      [
        [
          [3, 4],
          [4, 5],
        ],
        [
          [1, 1],
          [1, 1],
        ],
        [
          [65, 7],
          [7, 33],
        ],
        [
          [2, 1, 5, 8],
          [3, 8, 4],
        ],
        [
          [4, 64],
          [64, 64],
        ],
      ] as [Shape, Shape][]
    ).map(([a, b], i) => ({ inputs: [{ shape: a }, { shape: b }], attributes: { scale: i === 0 ? 0.5 : 1 } })),
});

/** scale · a · b over the last two axes. */
export const matmul = (a: Tensor, b: Tensor, scale = 1): Tensor => matmulOp([a, b], { scale });

/** A weight as GPT-2's Conv1D stores it, [in, out], or as torch.nn.Linear does, [out, in]. */
export type WeightLayout = "in-out" | "out-in";

const asInOut = (weight: Tensor, layout: WeightLayout): Tensor => (layout === "in-out" ? weight : transpose(weight));

/** y = x · W + b over the last axis of x [..., in]; the bias may be absent. */
export const linearOp = defineOp<{ layout: WeightLayout }>({
  name: "linear",
  infer: ([x, weight, bias], { layout }) => {
    requireFloat("linear", x, weight, ...(bias ? [bias] : []));
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
  forward: ([x, weight, bias], { layout }) => {
    const w =
      layout === "in-out"
        ? weight
        : weight.view([weight.shape[1], weight.shape[0]], [weight.strides[1], weight.strides[0]]);
    const rows = x.size / x.shape[x.rank - 1];
    const y = output("linear", x, [...x.shape.slice(0, -1), w.shape[1]], "f32");
    const flat = y.view([rows, w.shape[1]], [w.shape[1], 1]);
    matmulInto("linear", reshapeToRows(x), w, flat, { bias });
    return y;
  },
  save: ([x, weight]) => [x, weight],
  vjp: (g, [x, weight], { inputs, attributes: { layout } }) => {
    const rows = (t: Tensor): Tensor => reshape(t, [-1, t.shape[t.rank - 1]]);
    return [
      () => like(inputs[0], reshape(matmul(rows(g), transpose(asInOut(weight, layout))), inputs[0].shape)),
      () => {
        const [left, right] = layout === "in-out" ? [x, g] : [g, x];
        return like(inputs[1], matmul(transpose(rows(left)), rows(right)));
      },
      inputs.length > 2 ? () => like(inputs[2], sum(rows(g), 0)) : null,
    ];
  },
  samples: () => [
    { inputs: [{ shape: [2, 3, 8] }, { shape: [8, 5] }, { shape: [5] }], attributes: { layout: "in-out" } },
    { inputs: [{ shape: [65, 12] }, { shape: [4, 12] }, { shape: [4] }], attributes: { layout: "out-in" } },
    { inputs: [{ shape: [3, 7] }, { shape: [2, 7] }], attributes: { layout: "out-in" } },
  ],
});

const reshapeToRows = (x: Tensor): Tensor => reshape(x, [x.size / x.shape[x.rank - 1], x.shape[x.rank - 1]]);

/** x · W + b; W is [in, out] unless the layout says otherwise. */
export const linear = (x: Tensor, weight: Tensor, bias?: Tensor, layout: WeightLayout = "in-out"): Tensor =>
  linearOp(bias ? [x, weight, bias] : [x, weight], { layout });
