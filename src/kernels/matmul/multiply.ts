import { expandView, sliceView, type Tensor, transposeView } from "../../tensor/index.ts";
import { contiguous, copy } from "../copy.ts";
import { castTo } from "../elementwise/elementwise.ts";
import { launch } from "../launch.ts";
import { mergeAxes } from "../strided.ts";
import { ACTIVATION_NAMES, type Activation, type OperandLayout } from "./problem.ts";
import { chooseVariant } from "./variants.ts";

export interface MatmulOptions {
  /** Factor of the product. */
  scale?: number;
  /** Added to every row, [N]. */
  bias?: Tensor;
  /** Add to what `c` holds. */
  accumulate?: boolean;
  /** Applied to every element. */
  activation?: Activation;
  /** Added to every element last, f32 of the shape of `c`. */
  residual?: Tensor;
  /**
   * Elements from where `c` lies to where, in the same storage and layout, what the activation is applied to is kept.
   * The storage has to fit into one binding.
   */
  keepDistance?: number;
}

/** How a kernel walks the last two axes of an operand. */
interface MatrixWalk extends OperandLayout {
  row: number;
  column: number;
}

export function walkOf(view: Tensor, batchStrides: readonly number[]): MatrixWalk {
  const [rows, columns] = view.shape.slice(-2);
  // An axis of length 1 is never stepped along: its stride does not count.
  const row = rows === 1 ? 0 : view.strides[view.rank - 2];
  const column = columns === 1 ? 0 : view.strides[view.rank - 1];
  const isTransposed = row === 1 && column !== 1;
  const [unit, other] = isTransposed ? [row, column] : [column, row];
  const isAligned = unit === 1 && [other, view.offset, ...batchStrides].every((value) => value % 4 === 0);
  const vectors = view.dtype === "f16" ? "halves" : "vectors";
  return { row, column, isTransposed, reads: isAligned ? vectors : "elements" };
}

export const mergeBatch = (op: string, shape: readonly number[], ...operands: Tensor[]): ReturnType<typeof mergeAxes> =>
  mergeAxes(
    op,
    shape,
    operands.map((x) => x.strides.slice(0, -2)),
  );

/** A copy whose batch axes lie in order, broadcast ones still stored once. */
function withoutGaps(x: Tensor): Tensor {
  const stored = x.shape.map((length, axis) => (x.strides[axis] === 0 ? Math.min(length, 1) : length));
  return expandView(copy(x.view(stored, x.strides)), x.shape);
}

/** Multiplies matrices with equal batch axes that can be bound, in a grid within its limit. */
export function multiply(op: string, a: Tensor, b: Tensor, c: Tensor, options: MatmulOptions): void {
  const batch = c.shape.slice(0, -2);
  const [m, n] = c.shape.slice(-2);
  const k = a.shape[a.rank - 1];
  const { residual } = options;
  if (n === 1 && m > 1 && c.strides[c.rank - 2] === 1 && (!residual || residual.strides[residual.rank - 2] === 1)) {
    multiply(op, transposeView(b), transposeView(a), transposeView(c), transposed(options, m));
    return;
  }
  const merged = mergeBatch(op, batch, a, b, c, residual ?? c);
  if (merged.shape.length > 2) {
    const [left, right] = [a, b].map(withoutGaps);
    const rest = residual && contiguous(residual);
    if (mergeBatch(op, batch, left, right, c, rest ?? c).shape.length <= 2) {
      multiply(op, left, right, c, { ...options, residual: rest });
      return;
    }
    // Broadcast axes between others do not merge: one product for each index of the shortest axis.
    const shortest = batch.indexOf(Math.min(...batch.filter((length) => length > 1)));
    for (let i = 0; i < batch[shortest]; i++) {
      const part = (x: Tensor): Tensor => sliceView(x, shortest, i, i + 1);
      multiply(op, part(a), part(b), part(c), { ...options, residual: residual && part(residual) });
    }
    return;
  }
  const [count0, count1] = merged.shape.length === 2 ? merged.shape : [1, merged.shape[0] ?? 1];
  const batchStrides = (index: number): [number, number] => {
    const own = merged.strides[index];
    return own.length === 2 ? [own[0], own[1]] : [0, own[0] ?? 0];
  };
  const [aBatch0, aBatch1] = batchStrides(0);
  const [bBatch0, bBatch1] = batchStrides(1);
  const [cBatch0, cBatch1] = batchStrides(2);
  const [residualBatch0, residualBatch1] = batchStrides(3);
  const left = walkOf(a, [aBatch0, aBatch1]);
  const right = walkOf(b, [bBatch0, bBatch1]);
  if ([a, b].some((x, i) => x.dtype === "f16" && [left, right][i].reads === "elements")) {
    multiply(op, castTo(a, "f32"), castTo(b, "f32"), c, options);
    return;
  }
  const problem = { m, n, count: count0 * count1, a: left, b: right, isActivated: options.activation !== undefined };
  const { variant, rows, columns } = chooseVariant(c.gpu, problem);
  const { scale = 1, accumulate = false, keepDistance = 0 } = options;
  const bias = options.bias && contiguous(options.bias);
  launch(
    op,
    variant,
    [a, b, bias ?? a, residual ?? a, c],
    {
      M: m,
      N: n,
      K: k,
      aRow: left.row,
      aColumn: left.column,
      bRow: right.row,
      bColumn: right.column,
      cRow: c.strides[c.rank - 2],
      residualRow: residual ? residual.strides[residual.rank - 2] : 0,
      batch1: count1,
      aBatch0,
      aBatch1,
      bBatch0,
      bBatch1,
      cBatch0,
      cBatch1,
      residualBatch0,
      residualBatch1,
      hasBias: bias ? 1 : 0,
      hasResidual: residual ? 1 : 0,
      accumulate: accumulate ? 1 : 0,
      alpha: scale,
      activation: options.activation ? ACTIVATION_NAMES.indexOf(options.activation) : 0,
      keepDistance,
    },
    [Math.ceil(m / rows), Math.ceil(n / columns), count0 * count1],
  );
}

/** What belongs to a product of one column when that is made as a row, which fills the lanes. */
const transposed = (options: MatmulOptions, length: number): MatmulOptions => ({
  ...options,
  bias: options.bias && expandView(options.bias, [length]),
  residual: options.residual && transposeView(options.residual),
});
