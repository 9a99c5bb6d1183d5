import { reshaped } from "../../../kernels/copy.ts";
import * as BINARY from "../../../kernels/elementwise/binary-functions.ts";
import { binary, castTo, unary } from "../../../kernels/elementwise/elementwise.ts";
import * as UNARY from "../../../kernels/elementwise/unary-functions.ts";
import { output } from "../../../kernels/launch.ts";
import { matmulInto } from "../../../kernels/matmul/matmul.ts";
import { reduce } from "../../../kernels/reduction/reduce.ts";
import * as REDUCTIONS from "../../../kernels/reduction/reduction-functions.ts";
import {
  broadcastShapes,
  formatShape,
  isFloat,
  requireTensors,
  type Shape,
  sizeOf,
  type Tensor,
  tidy,
} from "../../../tensor/index.ts";
import { defineOp, type Spec } from "../../define-op.ts";
import { sumTo } from "../broadcast.ts";
import { cast, mul } from "../elementwise/index.ts";
import { reshape, transpose } from "../shape/views.ts";

/** Vectors as torch.matmul takes them: a row on the left, a column on the right. */
const asLeftMatrix = (shape: Shape): Shape => (shape.length === 1 ? [1, shape[0]] : shape);
const asRightMatrix = (shape: Shape): Shape => (shape.length === 1 ? [shape[0], 1] : shape);

/** Shapes of a product: of the operands and the result as batches of matrices, and of the result as it is returned. */
function inferMatmul(op: string, a: Spec, b: Spec): { left: Shape; right: Shape; product: Shape; shape: Shape } {
  for (const { shape, dtype } of [a, b]) {
    if (!isFloat(dtype)) throw new Error(`${op}: expected a float type, got ${dtype}${formatShape(shape)}; use cast`);
    if (shape.length < 1) throw new Error(`${op}: expected a vector, a matrix or a batch of matrices, got a scalar`);
  }
  const [left, right] = [asLeftMatrix(a.shape), asRightMatrix(b.shape)];
  const [m, k] = left.slice(-2);
  const [k2, n] = right.slice(-2);
  if (k !== k2)
    throw new Error(
      `${op}: inner lengths of ${formatShape(a.shape)} and ${formatShape(b.shape)} differ (${k} and ${k2})`,
    );
  const batch = broadcastShapes(op, left.slice(0, -2), right.slice(0, -2));
  const rows = a.shape.length > 1 ? [m] : [];
  const columns = b.shape.length > 1 ? [n] : [];
  return { left, right, product: [...batch, m, n], shape: [...batch, ...rows, ...columns] };
}

/** From here on a product of two vectors is summed as sums are, not by the one invocation a matrix product gives it. */
const LONG_VECTOR = 4096;

function dotOfLongVectors(a: Tensor, b: Tensor, scale: number): Tensor {
  const [x, y] = [a, b].map((vector) => (vector.dtype === "f32" ? vector : castTo(vector, "f32")));
  const total = reshaped(reduce("matmul", binary("matmul", x, y, BINARY.mul), REDUCTIONS.sum), []);
  return scale === 1 ? total : unary("matmul", total, UNARY.affine, scale, 0);
}

/** Products are f32; the gradient of an f16 operand is f16 again. */
export const like = ({ dtype }: Spec, gradient: Tensor): Tensor =>
  gradient.dtype === dtype ? gradient : cast(gradient, dtype);

/** The gradient of b [..., K, N], summed over the batch axes of a and g that b lacks: aᵀ g. */
function rightGradient(a: Tensor, g: Tensor, scale: number, shape: Shape): Tensor {
  if (sizeOf(shape.slice(0, -2)) > 1 || a.rank !== g.rank) return sumTo(matmul(transpose(a), g, scale), shape);
  // One b for all matrices of a: their rows are summed over in one product.
  const rows = (x: Tensor): Tensor => reshape(x, rowShape(x));
  return reshape(matmul(transpose(rows(a)), rows(g), scale), shape);
}

/**
 * y = scale · a · b for matrices [..., M, K] and [..., K, N]; batch axes broadcast, transposed views are read in place.
 * As torch.matmul, a vector on the left is a row, one on the right a column, and the axis of length 1 goes again.
 */
export const matmulOp = defineOp<{ scale: number }>({
  name: "matmul",
  infer: ([a, b]) => ({ shape: inferMatmul("matmul", a, b).shape, dtype: "f32" }),
  forward: ([a, b], { scale }) => {
    const { left, right, product, shape } = inferMatmul("matmul", a, b);
    if (shape.length === 0 && a.size >= LONG_VECTOR) return dotOfLongVectors(a, b, scale);
    const y = output("matmul", a, product, "f32");
    matmulInto("matmul", reshaped(a, left), reshaped(b, right), y, { scale });
    return reshaped(y, shape);
  },
  save: ([a, b]) => [a, b],
  vjp: (gradient, [a, b], { inputs, attributes: { scale } }) => {
    const { left, right, product } = inferMatmul("matmul", ...(inputs as [Spec, Spec]));
    const g = reshape(gradient, product);
    return [
      () => {
        const whole = matmul(g, transpose(reshape(b, right)), scale);
        return like(inputs[0], reshape(sumTo(whole, left), inputs[0].shape));
      },
      () => like(inputs[1], reshape(rightGradient(reshape(a, left), g, scale, right), inputs[1].shape)),
    ];
  },
});

/**
 * scale · a · b over the last two axes; vectors by torch.matmul's rules: [K]·[K] is a scalar, [K]·[..., K, N] is
 * [..., N] and [..., M, K]·[K] is [..., M]. Integers are refused.
 */
export const matmul = (a: Tensor, b: Tensor, scale = 1): Tensor => matmulOp([a, b], { scale });

const requireVectors = (op: string, ...vectors: Tensor[]): void => {
  requireTensors(op, vectors);
  for (const x of vectors) {
    if (x.rank !== 1) throw new Error(`${op}: expected two vectors, got ${formatShape(x.shape)}`);
  }
};

/** Σᵢ aᵢ bᵢ of two vectors of one length, as a scalar. */
export function dot(a: Tensor, b: Tensor): Tensor {
  requireVectors("dot", a, b);
  if (a.size !== b.size) throw new Error(`dot: lengths of ${formatShape(a.shape)} and ${formatShape(b.shape)} differ`);
  return matmul(a, b);
}

/** The matrix aᵢ bⱼ [M, N] of two vectors [M] and [N]. */
export function outer(a: Tensor, b: Tensor): Tensor {
  requireVectors("outer", a, b);
  return tidy(() => mul(reshape(a, [a.size, 1]), reshape(b, [1, b.size])));
}

/** All axes but the last as one. */
export const rowShape = ({ shape }: Spec): Shape => [sizeOf(shape.slice(0, -1)), shape[shape.length - 1]];
