import { embeddingBackward, embeddingForward } from "../../kernels/embedding.ts";
import { requireFloat32, requireInteger } from "../../kernels/launch.ts";
import { formatShape, type Tensor } from "../../tensor/index.ts";
import { defineOp } from "../define-op.ts";

/**
 * Rows of a table [rows, width] by id: y[…, :] = table[ids[…], :]. The gradient sums rows of repeated ids in ascending
 * position, without atomics, so it has the same bits every time. Ids must lie in 0 … rows − 1; callers that take
 * ids from outside check them on the host.
 */
export const embeddingOp = defineOp({
  name: "embedding",
  infer: ([table, ids]) => {
    requireFloat32("embedding", table);
    requireInteger("embedding", ids);
    if (table.rank !== 2) throw new Error(`embedding: expected a table of rank 2, got ${formatShape(table.shape)}`);
    return { shape: [...ids.shape, table.shape[1]], dtype: table.dtype };
  },
  forward: ([table, ids]) => embeddingForward(table, ids),
  save: ([, ids]) => [ids],
  vjp: (g, [ids], { inputs: [table] }) => [() => embeddingGradient(g, ids, table.shape[0]), null],
  samples: () => [
    { inputs: [{ shape: [7, 3] }, { shape: [2, 5], dtype: "i32", low: 0, high: 7 }], attributes: {} },
    { inputs: [{ shape: [3, 65] }, { shape: [70], dtype: "i32", low: 0, high: 3 }], attributes: {} },
  ],
});

/** The transpose of an embedding, linear in g, so that it can be differentiated itself. */
export const embeddingGradientOp = defineOp<{ rows: number }>({
  name: "embeddingGradient",
  infer: ([g, ids], { rows }) => {
    requireFloat32("embeddingGradient", g);
    requireInteger("embeddingGradient", ids);
    return { shape: [rows, g.shape[g.rank - 1]], dtype: g.dtype };
  },
  forward: ([g, ids], { rows }) => embeddingBackward(g, ids, rows),
  save: ([, ids]) => [ids],
  vjp: (g, [ids]) => [() => embedding(g, ids), null],
  samples: () => [
    { inputs: [{ shape: [9, 3] }, { shape: [9], dtype: "i32", low: 0, high: 4 }], attributes: { rows: 5 } },
  ],
});

const embeddingGradient = (g: Tensor, ids: Tensor, rows: number): Tensor => embeddingGradientOp([g, ids], { rows });

/** Rows of `table` named by integer `ids` of any shape. */
export const embedding = (table: Tensor, ids: Tensor): Tensor => embeddingOp([table, ids], {});
